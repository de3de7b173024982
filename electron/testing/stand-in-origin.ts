import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';

type Handler = (request: Request) => Response | Promise<Response>;

/**
 * `protocol.handle` for one custom origin: Chromium without Electron cannot be taught a scheme, so the page lives on a
 * loopback server instead, and each of its requests becomes one to `app://…` for the handler. Bodies stream both ways; a page
 * that goes away cancels the answer, as in Electron.
 */
export class StandInOrigin {
  readonly #server: Server;
  readonly #listening: Promise<void>;
  readonly #origin: string;
  #handler: Handler | undefined;

  constructor(origin: string) {
    this.#origin = origin;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) =>
        response.destroy(error instanceof Error ? error : undefined),
      );
    });
    this.#listening = new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  handle(handler: Handler): void {
    this.#handler = handler;
  }

  /** Address of the server, once it listens. */
  async base(): Promise<string> {
    await this.#listening;
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** `app://outrunner/x` → what Chromium loads. Other URLs stay as they are. */
  async toBrowser(url: string): Promise<string> {
    return url.startsWith(`${this.#origin}/`) ? (await this.base()) + url.slice(this.#origin.length) : url;
  }

  /** What Chromium says → what Electron would say. */
  fromBrowser(url: string): string {
    const address = this.#server.address() as AddressInfo | null;
    const base = address ? `http://127.0.0.1:${address.port}` : '-';
    return url === base || url.startsWith(`${base}/`) ? this.#origin + url.slice(base.length) : url;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    if (!this.#handler) throw new Error('nothing handles this scheme');
    const response = await this.#handler(this.#requestOf(incoming));
    const headers = [...response.headers].flat();
    outgoing.writeHead(response.status, headers);
    outgoing.flushHeaders();
    if (!response.body) {
      outgoing.end();
      return;
    }
    const body = Readable.fromWeb(response.body as NodeReadableStream);
    outgoing.once('close', () => body.destroy());
    body.once('error', () => outgoing.destroy());
    body.pipe(outgoing);
  }

  #requestOf(incoming: IncomingMessage): Request {
    const headers = new Headers();
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (['host', 'connection', 'transfer-encoding', 'content-length', 'origin', 'referer'].includes(name)) continue;
      headers.set(name, Array.isArray(value) ? value.join(', ') : (value ?? ''));
    }
    const method = incoming.method ?? 'GET';
    const hasBody = 'content-length' in incoming.headers || 'transfer-encoding' in incoming.headers;
    const body = hasBody && !['GET', 'HEAD'].includes(method) ? Readable.toWeb(incoming) : null;
    const request = new Request(this.#origin + (incoming.url ?? '/'), {
      method,
      headers,
      ...(body === null ? {} : { body: body as unknown as ReadableStream, duplex: 'half' as const }),
    });
    return Object.assign(request, this.#initiatorOf(incoming));
  }

  /** Electron gives the handler the origin of the asking page; the browser's own fetch metadata says the same here. */
  #initiatorOf(incoming: IncomingMessage): { initiatorOrigin?: string } {
    const site = incoming.headers['sec-fetch-site'];
    if (site === undefined || site === 'none') return {};
    if (site === 'same-origin') return { initiatorOrigin: this.#origin };
    return { initiatorOrigin: incoming.headers.origin ?? 'null' };
  }
}
