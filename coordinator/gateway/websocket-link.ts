import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { gatherWrites } from '../../protocol/gather-writes.ts';
import type { AgentLink, LinkListener } from './agent-link.ts';

/** The link over a WebSocket. */
export class WebSocketLink implements AgentLink {
  readonly brokenOff = false;
  readonly #socket: WebSocket;
  readonly #stream: Duplex & { bytesWritten?: number };
  readonly #gather: () => void;

  constructor(socket: WebSocket, stream: Duplex) {
    this.#socket = socket;
    this.#stream = stream;
    this.#gather = gatherWrites(stream);
  }

  listen(listener: LinkListener): void {
    this.#socket.on('message', (data, isBinary) => listener.received(data as Buffer, isBinary));
    this.#socket.on('close', () => listener.gone());
    // An error is followed by `close`; without a listener it would end the process.
    this.#socket.on('error', (error) => listener.broke(error));
  }

  send(text: string): void {
    this.#gather();
    this.#socket.send(text);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    // The peer's own close may stand behind what is not read yet.
    this.#socket.resume();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get waiting(): number {
    return this.#socket.bufferedAmount;
  }

  get taken(): number {
    return (this.#stream.bytesWritten ?? 0) - this.#stream.writableLength;
  }

  /** A connection that is gone says so, or falls silent: there is nothing between. */
  absentFor(): number {
    return 0;
  }
}
