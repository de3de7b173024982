import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { contentSecurityPolicy, PAGE_HEADERS, withNonce } from '../protocol/content-security-policy.ts';
import { isApiUrl } from './api-request.ts';
import { resolveAsset } from './asset-resolver.ts';
import type { ForwardedRequest } from './forward-api.ts';

export interface AppProtocolDeps {
  /** Folder of the built page, `dist/renderer`. */
  readonly root: string;
  forward(request: ForwardedRequest): Promise<Response>;
}

/** Answers everything below `app://outrunner/`: the API by the coordinator, the rest by the files of the page. */
export function createAppProtocol({
  root,
  forward,
}: AppProtocolDeps): (request: ForwardedRequest) => Promise<Response> {
  return async (request) => {
    if (isApiUrl(request.url)) return forward(request);
    const asset = resolveAsset(request.method, request.url);
    switch (asset.kind) {
      case 'refused':
        return text(asset.status, { 400: 'Bad request', 404: 'Not found', 405: 'Method not allowed' }[asset.status]);
      case 'page':
        return servePage(root);
      case 'file':
        return serveFile(root, asset.file, asset.contentType);
    }
  };
}

async function servePage(root: string): Promise<Response> {
  const html = await readIfThere(root, 'index.html');
  if (html === null) return text(500, 'The console is not built: run `npm run build`.');
  const nonce = randomBytes(18).toString('base64url');
  return new Response(withNonce(new TextDecoder().decode(html), nonce), {
    headers: {
      ...PAGE_HEADERS,
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': contentSecurityPolicy(nonce),
      // Each response has its own nonce.
      'Cache-Control': 'no-store',
    },
  });
}

async function serveFile(root: string, file: string, contentType: string): Promise<Response> {
  const content = await readIfThere(root, file);
  if (content === null) return text(404, 'Not found');
  const cache = file.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
  return new Response(content, {
    headers: {
      ...PAGE_HEADERS,
      'Content-Type': contentType,
      'Cache-Control': cache,
      // Workers bring their own policy, or they would have none.
      'Content-Security-Policy': contentSecurityPolicy(randomBytes(18).toString('base64url')),
    },
  });
}

async function readIfThere(root: string, file: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const path = resolve(join(root, file));
  // The resolver has seen to it; this is the second lock on the same door.
  if (!path.startsWith(resolve(root) + sep)) return null;
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'EISDIR', 'ENOTDIR'].includes(String(error.code)))
      return null;
    throw error;
  }
}

function text(status: number, message: string): Response {
  return new Response(message, { status, headers: { ...PAGE_HEADERS, 'Content-Type': 'text/plain; charset=utf-8' } });
}
