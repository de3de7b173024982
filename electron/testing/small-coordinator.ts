import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SignInSchema } from '../../protocol/api/identity.ts';
import { API_BASE } from '../../protocol/api/routes.ts';
import { OutrunnerError, toProblem } from '../../protocol/problems.ts';

const USER = { id: '7c9e6679-7425-40de-944b-e07fc1f90ae7', name: 'owner', role: 'owner' };
const TIME = '2026-11-23T20:15:00.000Z';

export type Answerer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/**
 * A server that speaks just enough of the API for tests of the shell: health, sign-in and sign-out, who am I, a live
 * stream. Tokens are `token-1`, `token-2`, … and are checked. More calls can be added with `on`.
 */
export class SmallCoordinator {
  readonly tokens = new Set<string>();
  readonly requests: { method: string; path: string; authorization: string | undefined }[] = [];
  /** Open live streams; write to them to send events. */
  readonly streams = new Set<ServerResponse>();
  ticket = 'owner-ticket';
  readonly #server: Server;
  readonly #answers = new Map<string, Answerer>();
  #made = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        const problem = error instanceof OutrunnerError ? error : new OutrunnerError('internal', { cause: error });
        response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
        response.end(JSON.stringify(toProblem(problem)));
      });
    });
  }

  static async start(port = 0): Promise<SmallCoordinator> {
    const coordinator = new SmallCoordinator();
    await new Promise<void>((resolve, reject) => {
      coordinator.#server.once('error', reject);
      coordinator.#server.listen(port, '127.0.0.1', resolve);
    });
    return coordinator;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Answers `GET /runners` and the like, below the base of the API; the token was checked. */
  on(call: string, answer: Answerer): void {
    this.#answers.set(call, answer);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url);
    const path = pathname.slice(API_BASE.length);
    const method = request.method ?? 'GET';
    const { authorization } = request.headers;
    this.requests.push({ method, path, authorization });
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json', 'set-cookie': 'session=must-not-arrive' });
      response.end(JSON.stringify(body));
    };
    const call = `${method} ${path}`;
    if (call === 'GET /health') return json(200, { status: 'ok', version: '0', time: TIME, uptimeSeconds: 1 });
    if (call === 'POST /session') {
      const body = SignInSchema.parse(JSON.parse(await text(request)));
      const welcome = 'ticket' in body ? body.ticket === this.ticket : body.password === 'right';
      if (!welcome) throw new OutrunnerError('sign-in-refused');
      this.#made += 1;
      const token = `token-${this.#made}`;
      this.tokens.add(token);
      return json(200, { user: USER, expiresAt: TIME, csrf: '', token: body.carrier === 'bearer' ? token : null });
    }
    const token = authorization?.replace('Bearer ', '') ?? '';
    if (!this.tokens.has(token)) throw new OutrunnerError('sign-in-needed');
    if (call === 'DELETE /session') {
      this.tokens.delete(token);
      response.writeHead(204).end();
      return undefined;
    }
    if (call === 'GET /live') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: beat\ndata: {}\n\n');
      this.streams.add(response);
      response.on('close', () => this.streams.delete(response));
      return undefined;
    }
    const answer = this.#answers.get(call);
    if (!answer) throw new OutrunnerError('not-found');
    return answer(request, response);
  }
}
