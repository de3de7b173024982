import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { extname, join, sep } from 'node:path';
import type { StreamAnswer } from './call.ts';
import { consolePolicy, readingPolicy } from './security-headers.ts';

/** Stands in the built page wherever a nonce belongs. */
const NONCE_PLACE = /__CSP_NONCE__/g;
/** Files with a hash in their name, as the build makes them: a name never gets other content. */
const HASHED = /^\/assets\//;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
};

/**
 * Serves the built console from `folder`: its files, and its page for every other path, because the console has addresses of
 * its own. Resolves with null for a file that is not there.
 */
export function consoleFiles(folder: string) {
  return async (path: string, headers: IncomingHttpHeaders): Promise<StreamAnswer | null> => {
    const name = fileName(path);
    if (name === null) return null;
    if (name === '/' || name === '/index.html' || extname(name) === '') return page(folder);
    return file(join(folder, name), name, headers);
  };
}

/** The path of a request as a path below the folder; null when it tries to be anything else. */
export function fileName(path: string): string | null {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // Not a path that a browser would have made.
    return null;
  }
  if (!decoded.startsWith('/') || /[\\\0]/.test(decoded) || decoded.includes(`..`)) return null;
  return sep === '\\' && decoded.includes(':') ? null : decoded;
}

async function page(folder: string): Promise<StreamAnswer> {
  const nonce = randomBytes(16).toString('base64');
  const html = await readFile(join(folder, 'index.html'), 'utf8').catch(nullIfMissing);
  if (html === null) return notBuilt(nonce);
  return {
    headers: { 'content-type': TYPES['.html'] ?? '', 'content-security-policy': consolePolicy(nonce) },
    body: html.replace(NONCE_PLACE, nonce),
  };
}

async function file(path: string, name: string, headers: IncomingHttpHeaders): Promise<StreamAnswer | null> {
  const found = await stat(path).catch(nullIfMissing);
  if (found === null || !found.isFile()) return null;
  const etag = `"${found.size.toString(36)}-${Math.round(found.mtimeMs).toString(36)}"`;
  const common = { etag, 'cache-control': HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache' };
  if (headers['if-none-match'] === etag) return { status: 304, headers: common, body: '' };
  const type = TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
  return {
    headers: { ...common, 'content-type': type, 'content-length': found.size },
    body: createReadStream(path),
  };
}

function notBuilt(nonce: string): StreamAnswer {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Outrunner</title>
<style nonce="${nonce}">body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
<h1>The coordinator runs</h1>
<p>The console is not built, so there is nothing to show here. Build it with <code>npm run build</code> and reload this page.</p>
<p>The interface for programs works: see <a href="/api/docs">its documentation</a>.</p></html>
`;
  return {
    status: 503,
    headers: { 'content-type': TYPES['.html'] ?? '', 'content-security-policy': readingPolicy(nonce) },
    body: html,
  };
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}
