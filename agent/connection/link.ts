/** Who hears what comes over a link: the session on top of it. Nothing is heard after `closed` or `failed`. */
export interface LinkListener {
  /** The other end showed that it is there. */
  heard(): void;
  received(data: Buffer, isBinary: boolean): void;
  /** It was closed by either end, with a code of `CLOSE` or of WebSocket. */
  closed(code: number, reason: string): void;
  failed(error: unknown): void;
}

/**
 * The way to the coordinator, below the meaning of messages: a WebSocket, or long polling. Messages arrive whole, once and
 * in order for as long as the link lasts.
 */
export interface Link {
  /** Something can be sent. */
  readonly isOpen: boolean;
  /** Bytes that wait to leave. */
  readonly waiting: number;
  /** `left` is called once: the message is on its way, or never will be. Its bytes must not change until then. */
  send(data: string | Uint8Array, left: () => void): void;
  /** Ends it after what was sent before. */
  close(code: number): void;
  /** Ends it at once, whatever the other end does. */
  terminate(): void;
}

/** Begins to open a link. */
export type OpenLink = (listener: LinkListener) => Link;
