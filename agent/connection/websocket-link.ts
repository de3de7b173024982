import type { ClientRequest, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { gatherWrites } from '../../protocol/gather-writes.ts';
import { CONNECT_PATH, MAX_FRAME_BYTES, MAX_MESSAGE_BYTES } from '../../protocol/wire.ts';
import { UnexpectedAnswer } from './explain-failure.ts';
import type { Link, LinkListener } from './link.ts';
import { CONNECT_DEADLINE_MS, type Transport } from './transport.ts';

/** The link over a WebSocket. */
export class WebSocketLink implements Link {
  readonly #socket: WebSocket;
  #gather: () => void = () => undefined;

  constructor(transport: Transport, listener: LinkListener) {
    const url = new URL(CONNECT_PATH, transport.origin);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    let proxyStatus = 200;
    const options = {
      ...transport.requestOptions((status) => {
        proxyStatus = status;
      }),
      perMessageDeflate: false,
      maxPayload: Math.max(MAX_MESSAGE_BYTES, MAX_FRAME_BYTES),
      handshakeTimeout: CONNECT_DEADLINE_MS,
      // Masks protect proxies from what a web page makes a browser send. Here is no browser, and either TLS or loopback:
      // a mask of zeros is valid and spares a pass over every byte of output.
      generateMask: (mask: Buffer) => void mask.fill(0),
    };
    const socket = new WebSocket(url, options);
    socket.on('unexpected-response', (request: ClientRequest, answer: IncomingMessage) => {
      request.destroy();
      const byProxy = proxyStatus !== 200;
      listener.failed(new UnexpectedAnswer(byProxy ? proxyStatus : (answer.statusCode ?? 0), byProxy));
    });
    socket.on('upgrade', (answer) => {
      this.#gather = gatherWrites(answer.socket);
    });
    socket.on('error', (error) => listener.failed(error));
    socket.on('close', (code, reason) => listener.closed(code, reason.toString()));
    socket.on('ping', () => listener.heard());
    socket.on('pong', () => listener.heard());
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      listener.heard();
      listener.received(data, isBinary);
    });
    this.#socket = socket;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get waiting(): number {
    return this.#socket.bufferedAmount;
  }

  send(data: string | Uint8Array, left: () => void): void {
    this.#gather();
    this.#socket.send(data, left);
  }

  close(code: number): void {
    this.#socket.close(code);
  }

  terminate(): void {
    // A peer that is gone never answers a close: nothing waits for it.
    this.#socket.terminate();
  }
}
