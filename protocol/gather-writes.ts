/** What can hold back what is written to it, and let it go in one piece: a socket of Node. */
export interface Corkable {
  cork(): void;
  uncork(): void;
}

/**
 * Makes what is sent in one turn leave in one write: call the function that this returns before each message. A write is a
 * system call and wakes the other end; a burst of small messages costs more in those than in bytes.
 */
export function gatherWrites(stream: Corkable, endOfTurn: (act: () => void) => void = queueMicrotask): () => void {
  let isGathering = false;
  return () => {
    if (isGathering) return;
    isGathering = true;
    stream.cork();
    endOfTurn(() => {
      isGathering = false;
      stream.uncork();
    });
  };
}
