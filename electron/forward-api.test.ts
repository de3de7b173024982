import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { type Problem, ProblemSchema } from '../protocol/problems.ts';
import { createApiForwarder, type ForwardDeps, type ForwardedRequest } from './forward-api.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const asked = (path: string, init: RequestInit & { duplex?: 'half' } = {}): ForwardedRequest =>
  new Request(`app://outrunner${path}`, init);

function forwarder(url: string, more: Partial<ForwardDeps> = {}) {
  const lost: string[] = [];
  const reports: unknown[] = [];
  const forward = createApiForwarder({
    fetch: (address, init) => fetch(address, init),
    target: async () => ({ url, token: 'secret-token' }),
    renew: async () => null,
    lost: (target) => void lost.push(target.url),
    report: (error) => void reports.push(error),
    ...more,
  });
  return { forward, lost, reports };
}

const problemOf = async (response: Response): Promise<Problem> => ProblemSchema.parse(await response.json());

describe('forwarding the API', () => {
  it('adds the token, sends the body on, and gives back status, headers and body', async () => {
    const url = await serve((request, response) => {
      const { authorization, cookie } = request.headers;
      response.writeHead(201, { 'content-type': 'application/json', 'set-cookie': 'a=b', etag: '"1"' });
      void readText(request).then((body) => response.end(JSON.stringify({ body, authorization, cookie })));
    });
    const { forward } = forwarder(url);
    const response = await forward(
      asked('/api/v1/projects', {
        method: 'POST',
        body: '{"name":"x"}',
        headers: { 'content-type': 'application/json' },
      }),
    );
    expect(response.status).toBe(201);
    expect(response.headers.get('etag')).toBe('"1"');
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(await response.json()).toEqual({ body: '{"name":"x"}', authorization: 'Bearer secret-token' });
  });

  it('streams an answer while it is made, and ends the call when the page stops reading', async () => {
    let send: (text: string) => void = () => undefined;
    const gone = Promise.withResolvers<void>();
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.on('close', () => gone.resolve());
      send = (text) => void response.write(text);
      send('event: beat\n\n');
    });
    const { forward } = forwarder(url);
    const response = await forward(asked('/api/v1/live'));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const next = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await next()).toBe('event: beat\n\n');
    send('event: change\n\n');
    expect(await next()).toBe('event: change\n\n');
    await reader.cancel();
    await gone.promise;
  });

  it('refuses a body without end instead of keeping it in memory', async () => {
    const url = await serve((request) => void request.resume().on('error', () => undefined));
    const { forward } = forwarder(url);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1024 * 1024));
      },
    });
    const response = await forward(asked('/api/v1/projects', { method: 'POST', body: endless, duplex: 'half' }));
    expect((await problemOf(response)).code).toBe('body-too-large');
    expect(pulled).toBeLessThan(30);
  });

  it('follows no redirect: the token stays where it belongs', async () => {
    let elsewhere = 0;
    const url = await serve((request, response) => {
      if (request.url === '/api/v1/me') response.writeHead(307, { location: '/api/v1/elsewhere' }).end();
      else elsewhere += 1;
    });
    const { forward } = forwarder(url);
    expect(await problemOf(await forward(asked('/api/v1/me')))).toMatchObject({ code: 'coordinator-unreachable' });
    expect(elsewhere).toBe(0);
  });

  it('says which coordinator cannot be reached and why, and tells the shell', async () => {
    const { forward, lost } = forwarder('http://127.0.0.1:1');
    const problem = await problemOf(await forward(asked('/api/v1/me')));
    expect(problem).toMatchObject({ code: 'coordinator-unreachable', status: 502 });
    expect(problem.detail).toContain('127.0.0.1:1');
    expect(lost).toEqual(['http://127.0.0.1:1']);
  });

  it('asks again with a new token when the old one is refused, if there was no body', async () => {
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.statusCode = request.headers.authorization === 'Bearer fresh' ? 200 : 401;
      response.end('{}');
    });
    const { forward } = forwarder(url, { renew: async () => ({ url, token: 'fresh' }) });
    expect((await forward(asked('/api/v1/me'))).status).toBe(200);
    expect((await forward(asked('/api/v1/projects', { method: 'POST', body: '{}' }))).status).toBe(401);
    expect(seen).toEqual(['Bearer secret-token', 'Bearer fresh', 'Bearer secret-token']);
  });

  it('does not sign in or out for the page: it would see the token', async () => {
    const { forward } = forwarder('http://127.0.0.1:1');
    for (const method of ['POST', 'DELETE']) {
      expect((await problemOf(await forward(asked('/api/v1/session', { method })))).code).toBe('not-allowed');
    }
  });

  it('answers with the problem when no coordinator is there, and hides what broke inside', async () => {
    const { forward, reports } = forwarder('http://127.0.0.1:1', {
      target: async () => {
        throw new Error('something of ours');
      },
    });
    const problem = await problemOf(await forward(asked('/api/v1/me')));
    expect(problem.code).toBe('internal');
    expect(JSON.stringify(problem)).not.toContain('something of ours');
    expect(reports).toHaveLength(1);
  });
});
