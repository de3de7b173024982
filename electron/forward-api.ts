import { API_BASE } from '../protocol/api/routes.ts';
import { OutrunnerError, toProblem } from '../protocol/problems.ts';
import { isRedirect, type PageRequest, type Target, toCoordinatorRequest, toPageHeaders } from './api-request.ts';
import { type Fetch, unreachable } from './coordinator-call.ts';

/** Larger than any body of the API. */
const LARGEST_BODY = 16 * 1024 * 1024;

export interface ForwardDeps {
  readonly fetch: Fetch;
  /** Where requests go now; waits while the embedded coordinator starts. */
  target(): Promise<Target>;
  /** The coordinator refused the token: a new target when another one can be had without the person, else null. */
  renew(refused: Target): Promise<Target | null>;
  /** Nobody answered at this target. */
  lost(target: Target): void;
  report(error: unknown): void;
}

export type ForwardedRequest = PageRequest & {
  readonly body: ReadableStream<Uint8Array> | null;
  readonly signal?: AbortSignal;
};

/**
 * Makes the forwarder of `app://outrunner/api/…`. Bodies stream in both directions; when the page stops reading, the
 * request to the coordinator ends. It never rejects: a failure is an answer with a problem document.
 */
export function createApiForwarder(deps: ForwardDeps): (request: ForwardedRequest) => Promise<Response> {
  async function send(request: ForwardedRequest, target: Target, end: AbortController): Promise<Response> {
    const { url, method, headers } = toCoordinatorRequest(request, target);
    // A sign-in through here would hand the token to the page; the bridge does it instead.
    if (new URL(url).pathname === `${API_BASE}/session`) {
      throw new OutrunnerError('not-allowed', { detail: 'In the desktop console, sign in and out through the shell.' });
    }
    const body = request.body === null ? null : limited(request.body);
    let response: Response;
    try {
      response = await deps.fetch(url, {
        method,
        headers,
        ...(body === null ? {} : { body: body.stream, duplex: 'half' as const }),
        redirect: 'error',
        credentials: 'omit',
        cache: 'no-store',
        signal: end.signal,
      });
    } catch (error) {
      if (body?.isTooLarge()) throw new OutrunnerError('body-too-large', { cause: error });
      if (end.signal.aborted) throw error;
      deps.lost(target);
      throw unreachable(target.url, error);
    }
    if (isRedirect(response.status)) {
      await response.body?.cancel();
      throw unreachable(target.url, new Error(`it answers with a redirect (${response.status})`));
    }
    return response;
  }

  return async (request) => {
    const end = new AbortController();
    request.signal?.addEventListener('abort', () => end.abort(), { once: true });
    try {
      let target = await deps.target();
      let response = await send(request, target, end);
      if (response.status === 401) {
        const renewed = await deps.renew(target);
        // A body was used up by the first attempt; the page may send it again.
        if (renewed !== null && request.body === null) {
          await response.body?.cancel();
          target = renewed;
          response = await send(request, target, end);
        }
      }
      const empty = [204, 205, 304].includes(response.status) || response.body === null;
      return new Response(empty ? null : ending(response.body as ReadableStream<Uint8Array>, end), {
        status: response.status,
        headers: toPageHeaders(response.headers),
      });
    } catch (error) {
      if (error instanceof OutrunnerError) return problemResponse(error);
      if (!end.signal.aborted) deps.report(error);
      return problemResponse(new OutrunnerError('internal', { cause: error }));
    }
  };
}

/** A problem as the coordinator itself would answer it. */
export function problemResponse(error: OutrunnerError): Response {
  return new Response(JSON.stringify(toProblem(error)), {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  });
}

/** The body, and when its reader cancels, the end of the request behind it: Electron's own bodies do not promise that. */
function ending(body: ReadableStream<Uint8Array>, request: AbortController): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason) {
      request.abort();
      // It has been aborted: that it says so is no news.
      await reader.cancel(reason).catch(() => undefined);
    },
  });
}

function limited(body: ReadableStream<Uint8Array>): { stream: ReadableStream<Uint8Array>; isTooLarge(): boolean } {
  let size = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk: Uint8Array | undefined, controller) {
      // Electron has handed out bodies with holes at their end (electron/electron#39658).
      if (chunk === undefined) return;
      size += chunk.byteLength;
      if (size > LARGEST_BODY) controller.error(new Error('body too large'));
      else controller.enqueue(chunk);
    },
  });
  return { stream: body.pipeThrough(count), isTooLarge: () => size > LARGEST_BODY };
}
