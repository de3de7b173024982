import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest, RouteHandlerMethod, RouteOptions } from 'fastify';
import type { z } from 'zod';
import type { Route } from '../../protocol/api/route.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { assertAnswer } from './assert-answer.ts';
import type { CallContext, Caller, Handler, OpenCall, SignedInContext, StreamAnswer } from './call.ts';
import { type Credentials, checkCaller } from './check-caller.ts';
import type { Idempotency, KeptAnswer } from './idempotency.ts';
import type { Logger } from './log.ts';
import type { RateLimit } from './rate-limit.ts';
import { inputCheck } from './validate-input.ts';

export interface HandlerFacts {
  readonly credentials: Credentials;
  readonly idempotency: Idempotency;
  readonly stopping: AbortSignal;
  readonly checkAnswers: boolean;
  readonly log: Logger;
  /** Slows those who try calls that need no credential; who succeeds is forgiven. */
  readonly openLimit: RateLimit;
  readonly currentPublicUrl: string;
  isSecure(request: FastifyRequest): boolean;
}

/** Visible characters, so that a key can stand in a header and a log. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,200}$/;

/** The hooks and the handler of one row: who calls, then is the input right, then the work, then the answer. */
export function rowOptions<R extends Route>(
  row: R,
  handler: Handler<R>,
  facts: HandlerFacts,
): Pick<RouteOptions, 'onRequest' | 'handler'> {
  const check = inputCheck(row);
  const callers = new WeakMap<FastifyRequest, Caller>();
  // Before the body is read: who may not call cannot make us read megabytes.
  const onRequest =
    row.access === 'anyone'
      ? undefined
      : async (request: FastifyRequest) => {
          const { method, headers } = request;
          const secure = facts.isSecure(request);
          callers.set(
            request,
            await checkCaller(facts.credentials, row, { method, headers, secure }, facts.currentPublicUrl),
          );
        };
  const run = handler as (input: unknown, context: CallContext | SignedInContext) => unknown;
  return {
    ...(onRequest === undefined ? {} : { onRequest }),
    async handler(request, reply) {
      const input = check(request);
      const caller = callers.get(request);
      const context = contextOf(request, reply, facts);
      const call = (onceId?: string) => run(input, caller === undefined ? context : { ...context, caller, onceId });
      if (row.stream !== undefined) return sendStream((await call()) as StreamAnswer, request, reply, facts.log);
      const answer = async (onceId?: string): Promise<KeptAnswer> => {
        const value = await call(onceId);
        if (row.answer === undefined) return { status: row.status, body: '' };
        if (facts.checkAnswers) assertAnswer(row.answer, value);
        return { status: row.status, body: JSON.stringify(value) };
      };
      const key = row.method === 'POST' && caller !== undefined ? request.headers['idempotency-key'] : undefined;
      if (key === undefined || caller === undefined) return sendJson(await answer(), reply);
      const keyed = {
        accountId: caller.account.id,
        key: checkedKey(key),
        method: row.method,
        path: request.url,
        // A hash of a password can be guessed back: such a body is told apart by its key alone.
        body: row.secretBody === true ? null : input.body,
      };
      const { answer: kept, replayed } = await facts.idempotency.once(keyed, () =>
        answer(facts.idempotency.idFor(keyed)),
      );
      if (replayed) reply.header('idempotency-replayed', 'true');
      return sendJson(kept, reply);
    },
  };
}

/** The handler of a call outside the table. */
export function openCallHandler<Body extends z.ZodType>(call: OpenCall<Body>, facts: HandlerFacts): RouteHandlerMethod {
  const check = inputCheck({ body: call.body });
  return async (request, reply) => {
    facts.openLimit.take(request.ip);
    const { body } = check(request);
    const answer = await call.handler(body as z.output<Body>, contextOf(request, reply, facts));
    facts.openLimit.forgive(request.ip);
    return sendJson({ status: 200, body: JSON.stringify(answer) }, reply);
  };
}

function contextOf(request: FastifyRequest, reply: FastifyReply, facts: HandlerFacts): CallContext {
  return {
    requestId: request.id,
    method: request.method,
    address: request.ip,
    headers: request.headers,
    url: request.url,
    secure: facts.isSecure(request),
    stopping: facts.stopping,
    setHeader: (name, value) => void reply.header(name, value),
  };
}

function checkedKey(key: string | string[]): string {
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key;
  const message = 'Idempotency-Key must be 1 to 200 visible characters.';
  throw new OutrunnerError('invalid-input', {
    detail: message,
    fields: [{ path: 'headers.idempotency-key', message }],
  });
}

function sendJson(answer: KeptAnswer, reply: FastifyReply): FastifyReply {
  reply.code(answer.status);
  if (answer.body === '') return reply.send();
  return reply.type('application/json; charset=utf-8').send(answer.body);
}

/** Sends what is no JSON. */
export function sendStream(
  answer: StreamAnswer,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): FastifyReply {
  const { body } = answer;
  reply.code(answer.status ?? 200).headers(answer.headers);
  if (body instanceof Readable) {
    // The answer has begun: the broken connection tells the caller, this line tells whoever looks after us.
    body.once('error', (error) => log.error({ requestId: request.id, err: error }, 'an answer broke off'));
  }
  if (typeof answer.body === 'string' || Buffer.isBuffer(answer.body)) return reply.send(answer.body);
  if (request.method !== 'HEAD') {
    reply.send(answer.body);
    // What is followed may have nothing to say for long; its reader shall know at once that it is being answered.
    reply.raw.flushHeaders();
    return reply;
  }
  // Nobody reads the body of a HEAD: its maker is told to stop.
  answer.body.destroy();
  return reply.send('');
}
