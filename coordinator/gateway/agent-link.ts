/** Who hears what comes over a link: the session on top of it. */
export interface LinkListener {
  received(data: Buffer, isBinary: boolean): void;
  /** The link is over. Once. */
  gone(): void;
  broke(error: unknown): void;
}

/**
 * The way to one agent, below the meaning of messages: a WebSocket, or long polling. Messages arrive whole, once and in
 * order for as long as the link lasts. After `gone` nothing is heard of it.
 */
export interface AgentLink {
  /** Once, before anything can arrive. */
  listen(listener: LinkListener): void;
  send(text: string): void;
  /** Ends it with a code of `CLOSE`, after what was sent before. */
  close(code: number, reason: string): void;
  /** Ends it without waiting for the peer, which does not answer. */
  terminate(): void;
  /** Delivers nothing until `resume`; the peer feels it. */
  pause(): void;
  resume(): void;
  /** Bytes that wait until the peer takes them. */
  readonly waiting: number;
  /** Changes whenever the peer takes bytes that wait for it. */
  readonly taken: number;
  /** Milliseconds since the peer was last there to be told something; 0: it is there, as far as anybody can know. */
  absentFor(now: number): number;
  /** Whether it is known to have broken off, though it may come back. */
  readonly brokenOff: boolean;
}
