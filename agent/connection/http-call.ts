import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { UnexpectedAnswer } from './explain-failure.ts';
import { CONNECT_DEADLINE_MS, type Transport } from './transport.ts';

const LARGEST_ANSWER = 1 << 20;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * One call to the coordinator. Resolves with whatever it answered; rejects with the system's error when it was not
 * reached within {@link CONNECT_DEADLINE_MS}, and with {@link UnexpectedAnswer} when the proxy answered in its place.
 */
export function httpCall(
  transport: Transport,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let proxyStatus = 200;
    const options = transport.requestOptions((status) => {
      proxyStatus = status;
    });
    const text = body === undefined ? undefined : JSON.stringify(body);
    const send = transport.origin.protocol === 'https:' ? httpsRequest : httpRequest;
    const call: ClientRequest = send(new URL(path, transport.origin), {
      ...options,
      method,
      headers: {
        accept: 'application/json',
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
      signal: AbortSignal.timeout(CONNECT_DEADLINE_MS),
    });
    call.on('error', (error) =>
      reject(error.name === 'AbortError' || error.name === 'TimeoutError' ? timedOut() : error),
    );
    call.on('response', (answer) => {
      if (proxyStatus !== 200) {
        answer.resume();
        reject(new UnexpectedAnswer(proxyStatus, true));
        return;
      }
      readAll(answer).then(
        (content) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: content }),
        reject,
      );
    });
    call.end(text);
  });
}

function timedOut(): Error {
  return Object.assign(new Error('No answer in time.'), { code: 'ETIMEDOUT' });
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_ANSWER) throw new Error('The answer is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
