import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Route } from '../../protocol/api/route.ts';
import type { RouteAnswer, RouteInput } from '../../protocol/api/routes.ts';

/** Who calls: an account, and by which kind of credential. */
export interface Caller {
  readonly account: { readonly id: string; readonly name: string; readonly role: 'owner' | 'admin' };
  readonly credential: 'cookie' | 'session' | 'token';
  /** Id of the session or token. */
  readonly credentialId: string;
  /** `read`: GET only. */
  readonly scope: 'read' | 'full';
  /** What a browser must send back with every write; null for everything but cookies. */
  readonly csrf: string | null;
}

/** What a handler knows of its call beside the validated input. */
export interface CallContext {
  readonly requestId: string;
  /** `GET` and `HEAD` go to the same handler. */
  readonly method: string;
  /** Address of the caller; behind a declared proxy, the one that the proxy saw. */
  readonly address: string;
  readonly headers: IncomingHttpHeaders;
  /** Path and query as they were sent. */
  readonly url: string;
  /** Over TLS, directly or at the declared proxy. */
  readonly secure: boolean;
  /** Aborts when the coordinator begins to stop: answers that would last end themselves then. */
  readonly stopping: AbortSignal;
  setHeader(name: string, value: string | number): void;
}

export interface SignedInContext extends CallContext {
  readonly caller: Caller;
  /** For what the call makes, when it has an Idempotency-Key: an id that each repetition of it gets again. */
  readonly onceId?: string;
}

type ContextOf<R extends Route> = R['access'] extends 'anyone' ? CallContext : SignedInContext;

/** The answer of a row that carries no JSON. A handler that has begun to produce `body` is told by its `close` event. */
export interface StreamAnswer {
  readonly status?: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Readable | Buffer | string;
}

// A call that answers nothing may be written as a function that returns nothing.
type AnswerOf<R extends Route> = R extends { stream: object }
  ? StreamAnswer
  : R extends { answer: z.ZodType }
    ? RouteAnswer<R>
    : // biome-ignore lint/suspicious/noConfusingVoidType: it is the return type of such a function
      void;

export type Handler<R extends Route> = (
  input: RouteInput<R>,
  context: ContextOf<R>,
) => Promise<AnswerOf<R>> | AnswerOf<R>;

/**
 * Answers a row of the route table. Input is validated, the caller known and allowed before `handler` runs; it throws an
 * OutrunnerError to say no. Each row is served once.
 */
export type Serve = <R extends Route>(row: R, handler: Handler<R>) => void;

/** A JSON call that is not in the table of the console: what agents say over HTTP. No credential is looked at. */
export interface OpenCall<Body extends z.ZodType> {
  readonly path: string;
  readonly body: Body;
  readonly maxBodyBytes: number;
  handler(body: z.output<Body>, context: CallContext): Promise<object>;
}

export type ServeOpen = <Body extends z.ZodType>(call: OpenCall<Body>) => void;

/** A call that carries bytes both ways and may take long to answer: what agents say over HTTP all the time. */
export interface BytesCall {
  readonly path: string;
  readonly contentType: string;
  readonly maxBodyBytes: number;
  /** Looks at the headers before the body is read. @throws OutrunnerError to say no. */
  admit(headers: IncomingHttpHeaders): void;
  handler(body: Buffer, context: BytesContext): Promise<Uint8Array>;
}

export interface BytesContext {
  readonly headers: IncomingHttpHeaders;
  /** Address of the caller; behind a declared proxy, the one that the proxy saw. */
  readonly address: string;
  /** What becomes of the answer. */
  readonly way: {
    /** Calls back once, when the answer has left, or the peer is gone and never gets it. */
    over(listener: (hasLeft: boolean) => void): void;
  };
}

/** Answers such a call. It is neither logged nor counted while it goes well: one agent makes several in a second. */
export type ServeBytes = (call: BytesCall) => void;
