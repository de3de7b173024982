/** What can hold back what is written to it, and let it go in one piece: a socket of Node. */
interface Corkable {
  cork(): void;
  uncork(): void;
}

/**
 * Makes what is sent in one turn leave in few writes: call the function that this returns before each message. The first one
 * leaves at once, the others together at the end of the turn. A write is a system call and wakes the other end; a burst of
 * small messages costs more in those than in bytes.
 */
export function gatherWrites(stream: Corkable, endOfTurn: (act: () => void) => void = queueMicrotask): () => void {
  let sent = 0;
  return () => {
    sent += 1;
    if (sent === 1) {
      endOfTurn(() => {
        if (sent > 1) stream.uncork();
        sent = 0;
      });
    } else if (sent === 2) stream.cork();
  };
}
