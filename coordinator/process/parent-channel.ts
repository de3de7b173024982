import { parentPort } from './stop-requests.ts';

/** A process that started this one, as somebody to speak with. */
export interface ParentChannel {
  send(message: object): void;
  onMessage(listener: (message: unknown) => void): void;
  /** The parent has ended, or will hear nothing any more. */
  onGone(listener: () => void): void;
}

/** The channel to the parent: Electron's, or that of a forked Node; null in a process that was started otherwise. */
export function parentChannel(): ParentChannel | null {
  const port = parentPort();
  if (port !== undefined) {
    return {
      send: (message) => port.postMessage(message),
      onMessage: (listener) => port.on('message', ({ data }) => listener(data)),
      // Electron ends its utility processes itself.
      onGone: () => undefined,
    };
  }
  if (process.send === undefined) return null;
  return {
    send: (message) => {
      if (process.connected) process.send?.(message);
    },
    onMessage: (listener) => process.on('message', listener),
    onGone: (listener) => (process.connected ? void process.on('disconnect', listener) : listener()),
  };
}
