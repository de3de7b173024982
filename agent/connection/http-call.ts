import {
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { UnexpectedAnswer } from './explain-failure.ts';
import { CONNECT_DEADLINE_MS, type RequestOptions, type Transport } from './transport.ts';

/** Bytes of an answer that is read into memory at most. */
export const LARGEST_ANSWER = 1 << 20;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpExchange {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: Buffer | undefined;
  readonly options: RequestOptions;
  /** A longer answer is an error. */
  readonly longestAnswer: number;
  /** Ends it, however far it got. */
  readonly signal: AbortSignal;
}

/**
 * One call to the coordinator. Resolves with whatever it answered; rejects with the system's error when it was not
 * reached, `ETIMEDOUT` when it was aborted, and {@link UnexpectedAnswer} when the proxy answered in its place.
 */
export function httpExchange({ origin }: Transport, exchange: HttpExchange): Promise<HttpAnswer> {
  const { method, path, headers, body, options, longestAnswer, signal } = exchange;
  return new Promise((resolve, reject) => {
    let proxyStatus = 200;
    const send = origin.protocol === 'https:' ? httpsRequest : httpRequest;
    const call: ClientRequest = send(new URL(path, origin), {
      // A connection that is kept for later calls, or a session that is resumed, was verified with the authorities of then.
      agent: false,
      ...options,
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': body.length }) },
      signal,
    });
    const failed = (error: unknown) => reject(signal.aborted ? timedOut() : error);
    call.on('proxyConnect', (answer: { statusCode: number }) => {
      proxyStatus = answer.statusCode;
    });
    call.on('error', failed);
    call.on('response', (answer) => {
      if (proxyStatus !== 200) {
        answer.resume();
        reject(new UnexpectedAnswer(proxyStatus, true));
        return;
      }
      readAll(answer, longestAnswer).then(
        (content) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: content }),
        failed,
      );
    });
    call.end(body);
  });
}

/** A call in JSON, on a connection of its own, within {@link CONNECT_DEADLINE_MS}. */
export function httpCall(
  transport: Transport,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<HttpAnswer> {
  return httpExchange(transport, {
    method,
    path,
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
    options: transport.requestOptions(),
    longestAnswer: LARGEST_ANSWER,
    signal: AbortSignal.timeout(CONNECT_DEADLINE_MS),
  });
}

/** What an answer says, to be checked by a schema; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON is one more way of not being what the schema wants; the caller checks.
  }
}

function timedOut(): Error {
  return Object.assign(new Error('No answer in time.'), { code: 'ETIMEDOUT' });
}

async function readAll(answer: IncomingMessage, longest: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longest) throw new Error('The answer is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
