import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../../protocol/clock.ts';
import { UnexpectedAnswer } from './explain-failure.ts';
import { CONNECT_DEADLINE_MS, type Transport } from './transport.ts';

/** Nothing heard for this long ends a download. */
const SILENCE_MS = 30_000;

export interface Download {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Ends with an error when the connection breaks, or is silent for half a minute. */
  readonly body: AsyncIterable<Buffer>;
}

/** A GET whose answer is read piece by piece, over the way that everything else takes. Rejects as `httpExchange` does. */
export async function httpDownload(
  transport: Transport,
  path: string,
  headers: Readonly<Record<string, string>>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Download> {
  const silence = new AbortController();
  const expect = (ms: number) => clock.after(ms, () => silence.abort());
  let timer = expect(CONNECT_DEADLINE_MS);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    let proxyStatus = 200;
    const send = transport.origin.protocol === 'https:' ? httpsRequest : httpRequest;
    const call = send(new URL(path, transport.origin), {
      agent: false,
      ...transport.requestOptions(),
      method: 'GET',
      headers,
      signal: AbortSignal.any([signal, silence.signal]),
    });
    call.on('proxyConnect', ({ statusCode }: { statusCode: number }) => {
      proxyStatus = statusCode;
    });
    call.on('error', (error) => reject(silence.signal.aborted ? silentError() : error));
    call.on('response', (response) => {
      if (proxyStatus === 200) resolve(response);
      else {
        response.resume();
        reject(new UnexpectedAnswer(proxyStatus, true));
      }
    });
    call.end();
  }).finally(() => timer.cancel());

  async function* read(): AsyncGenerator<Buffer> {
    timer = expect(SILENCE_MS);
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        timer.cancel();
        yield chunk;
        timer = expect(SILENCE_MS);
      }
    } catch (error) {
      throw silence.signal.aborted ? silentError() : error;
    } finally {
      timer.cancel();
    }
  }
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: read() };
}

function silentError(): Error {
  return Object.assign(new Error('No answer in time.'), { code: 'ETIMEDOUT' });
}
