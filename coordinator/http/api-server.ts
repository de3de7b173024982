import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, Server } from 'node:http';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Route } from '../../protocol/api/route.ts';
import { API_BASE } from '../../protocol/api/routes.ts';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError, toProblem } from '../../protocol/problems.ts';
import { StartError } from '../start-error.ts';
import { isQuiet, serveBytesOn } from './bytes-call.ts';
import type { Handler, Serve, ServeBytes, ServeOpen, StreamAnswer } from './call.ts';
import type { Credentials } from './check-caller.ts';
import type { Idempotency } from './idempotency.ts';
import type { Logger } from './log.ts';
import { asProblem } from './problem-answer.ts';
import { RateLimit, TooManyRequests } from './rate-limit.ts';
import { RequestCounts } from './request-counts.ts';
import { openCallHandler, rowOptions, sendStream } from './row-handler.ts';
import { isHostAllowed } from './same-origin.ts';
import { securityHeaders } from './security-headers.ts';
import type { IsProxy } from './trusted-proxy.ts';
import { isApiPath, unmatched } from './unmatched-call.ts';

export interface ApiServerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly credentials: Credentials;
  readonly idempotency: Idempotency;
  /** Address and port to listen on; port 0 takes any. */
  readonly host: string;
  readonly port: number;
  /** When the port is in use, the next free one is taken, of so many. */
  readonly portsToTry: number;
  /** Where people reach it; null: where it listens. */
  readonly publicUrl: string | null;
  readonly tls: { readonly key: string; readonly cert: string } | null;
  /** Which peers are declared proxies, that end TLS. */
  readonly isProxy: IsProxy;
  /** Answers GETs that no call takes: the console. null: there is nothing. */
  readonly page: ((path: string, headers: IncomingHttpHeaders) => Promise<StreamAnswer | null>) | null;
  /** Parses every answer through its schema: in tests. */
  readonly checkAnswers: boolean;
}

/** Largest body of a call of the table, in bytes: a job of many scripts. */
const MAX_BODY_BYTES = 8 << 20;
/** Calls without credentials that fail, from one address: enrolments with a wrong token. */
const OPEN_CALLS = { burst: 30, refillMs: 1000 };
/** How long requests may take to finish once the coordinator stops, in milliseconds. */
const STOP_WITHIN_MS = 5000;

export interface ApiServer {
  readonly serve: Serve;
  /** As `serve`, at another place than the row's: for what stands beside the API. */
  serveAt<R extends Route>(url: string, row: R, handler: Handler<R>): void;
  readonly serveOpen: ServeOpen;
  readonly serveBytes: ServeBytes;
  /** The bare server, for the Runner connections. */
  readonly server: Server;
  readonly stopping: AbortSignal;
  readonly counts: RequestCounts;
  /** Where people reach it; known once it listens. */
  readonly publicUrl: string;
  /** Begins to listen. Resolves with the URL of the socket. @throws StartError when the port is not to be had. */
  listen(): Promise<string>;
  /** Refuses new calls, lets those under way finish, cuts what lasts longer than five seconds. */
  stop(): Promise<void>;
}

/** Makes the HTTP side of a coordinator. It answers nothing before rows are served and `listen` is called. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { log, clock } = options;
  const stopping = new AbortController();
  const counts = new RequestCounts();
  let publicUrl = options.publicUrl ?? `http://${options.host}:${options.port}`;
  const fastify = makeFastify(options);
  const facts = {
    ...options,
    stopping: stopping.signal,
    openLimit: new RateLimit(clock, OPEN_CALLS),
    isSecure: (request: FastifyRequest) => request.protocol === 'https',
    get currentPublicUrl() {
      return publicUrl;
    },
  };

  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(securityHeaders(facts.isSecure(request)));
    reply.header('x-request-id', request.id);
    if (stopping.signal.aborted) {
      reply.header('connection', 'close');
      done(new OutrunnerError('shutting-down'));
      return;
    }
    const coordinator = { listensOn: options.host, publicUrl };
    if (isHostAllowed(request.headers.host, coordinator)) done();
    else
      done(new OutrunnerError('csrf-refused', { detail: 'The Host header names another host than this coordinator.' }));
  });
  fastify.setErrorHandler((error, request, reply) => answerProblem(asProblem(error), request, reply));
  fastify.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (options.page !== null && reads && !isApiPath(path)) {
      const page = await options.page(path, request.headers);
      if (page !== null) return sendStream(page, request, reply, log);
    }
    const { problem, allow } = unmatched(path);
    if (allow !== null) reply.header('allow', allow);
    return answerProblem(problem, request, reply);
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    // Of a call from before the stop: an open connection is waited for.
    if (stopping.signal.aborted) reply.header('connection', 'close');
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    // What was followed had said its headers before the stop: the connection would be kept for another call, and waited for.
    if (stopping.signal.aborted) request.raw.socket.destroySoon();
    if (isQuiet(request) && reply.statusCode < 400) return done();
    counts.count(request.method, reply.statusCode, reply.elapsedTime);
    // The path alone: a query can hold what somebody searched for, and nothing secret belongs into an address.
    log[levelOf(request.method, reply.statusCode)](
      {
        requestId: request.id,
        method: request.method,
        path: withoutTokens(request.url.split('?', 1)[0] ?? ''),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        address: request.ip,
      },
      'request',
    );
    done();
  });

  function answerProblem(problem: OutrunnerError, request: FastifyRequest, reply: FastifyReply) {
    if (problem.status >= 500 && problem.code !== 'shutting-down') {
      log.error({ requestId: request.id, err: problem.cause ?? problem }, problem.message);
    }
    if (problem instanceof TooManyRequests) reply.header('retry-after', problem.retryAfterSeconds);
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="outrunner"');
    return reply
      .code(problem.status)
      .type('application/problem+json')
      .send(JSON.stringify(toProblem(problem, request.id)));
  }

  function serveAt<R extends Route>(url: string, row: R, handler: Handler<R>): void {
    fastify.route({
      method: row.method === 'GET' ? ['GET', 'HEAD'] : row.method,
      url,
      exposeHeadRoute: false,
      bodyLimit: row.access === 'anyone' ? 64 << 10 : MAX_BODY_BYTES,
      ...rowOptions(row, handler, facts),
    });
  }

  return {
    server: fastify.server,
    stopping: stopping.signal,
    counts,
    get publicUrl() {
      return publicUrl;
    },
    serve: (row, handler) => serveAt(`${API_BASE}${row.path.replace(/\{(\w+)\}/g, ':$1')}`, row, handler),
    serveAt,
    serveOpen(call) {
      fastify.route({
        method: 'POST',
        url: call.path,
        bodyLimit: call.maxBodyBytes,
        handler: openCallHandler(call, facts),
      });
    },
    serveBytes: (call) => serveBytesOn(fastify, call),
    async listen() {
      const url = await listenOn(fastify, options);
      publicUrl = options.publicUrl ?? url;
      return url;
    },
    async stop() {
      stopping.abort();
      const cut = clock.after(STOP_WITHIN_MS, () => fastify.server.closeAllConnections());
      await fastify.close();
      cut.cancel();
    },
  };
}

/** The one-line install names its token in the address, because a person types it: the log must not remember it. */
function withoutTokens(path: string): string {
  return path.replaceAll(/\bore_[A-Za-z0-9_-]*/g, 'ore_[redacted]');
}

/** Reading is not worth a line each; changes and failures are. */
function levelOf(method: string, status: number): 'debug' | 'info' | 'warn' {
  if (status >= 400) return 'warn';
  return method === 'GET' || method === 'HEAD' ? 'debug' : 'info';
}

function makeFastify(options: ApiServerOptions): FastifyInstance {
  const common = {
    logger: false,
    trustProxy: (address: string) => options.isProxy(address),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1000, ignoreTrailingSlash: false },
    keepAliveTimeout: 65_000,
    requestTimeout: 120_000,
  } as const;
  const fastify = (
    options.tls === null ? Fastify(common) : Fastify({ ...common, https: { ...options.tls, minVersion: 'TLSv1.2' } })
  ) as FastifyInstance;
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      done(null, JSON.parse(body as string));
    } catch (cause) {
      done(new OutrunnerError('invalid-json', { cause }));
    }
  });
  return fastify;
}

async function listenOn(fastify: FastifyInstance, options: ApiServerOptions): Promise<string> {
  const { host } = options;
  const last = options.port === 0 ? 0 : Math.min(65_535, options.port + options.portsToTry - 1);
  await fastify.ready();
  for (let port = options.port; ; port++) {
    const problem = await tryListen(fastify.server, host, port);
    if (problem === null) break;
    if (problem.code === 'EADDRINUSE' && port < last) continue;
    throw listenProblem(problem, options);
  }
  const address = fastify.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return `${options.tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function tryListen(server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve(error);
    server.once('error', failed);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', failed);
      resolve(null);
    });
  });
}

function listenProblem(error: NodeJS.ErrnoException, { host, port }: ApiServerOptions): StartError {
  const where = `${host}:${port}`;
  const say = (text: string) => new StartError('listen', text, error);
  if (error.code === 'EADDRINUSE') {
    return say(`${where} is in use by another program. Choose another --port, or let --port-search find a free one.`);
  }
  if (error.code === 'EACCES')
    return say(`The permission to listen on ${where} is missing. Choose a --port above 1023.`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') return say(`${host} is no address of this host.`);
  return say(`${where} cannot be listened on: ${error.message}.`);
}
