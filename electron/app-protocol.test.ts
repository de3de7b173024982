import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAppProtocol } from './app-protocol.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'outrunner-page-'));
  await mkdir(join(root, 'assets'));
  await writeFile(join(root, 'index.html'), '<!doctype html><html><head><title>x</title></head></html>');
  await writeFile(join(root, 'assets', 'a.js'), 'export {};');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const handle = (path: string, init?: RequestInit) =>
  createAppProtocol({ root, forward: async ({ url }) => new Response(`forwarded ${url}`) })(
    new Request(`app://outrunner${path}`, init),
  );

it('gives the page a policy and a nonce of its own at each load', async () => {
  const first = await handle('/');
  const html = await first.text();
  const nonce = /<meta name="csp-nonce" content="([^"]+)">/.exec(html)?.[1] ?? 'none';
  expect(first.headers.get('content-security-policy')).toContain(`'nonce-${nonce}'`);
  expect(first.headers.get('cache-control')).toBe('no-store');
  expect(await (await handle('/runners/1')).text()).not.toContain(nonce);
});

it('serves files with their type, without guessing, and to be kept', async () => {
  const file = await handle('/assets/a.js');
  expect(await file.text()).toBe('export {};');
  expect(file.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(file.headers.get('x-content-type-options')).toBe('nosniff');
  expect(file.headers.get('cache-control')).toContain('immutable');
});

it('sends what begins with /api/ to the coordinator, and refuses what is nowhere', async () => {
  expect(await (await handle('/api/v1/me')).text()).toBe('forwarded app://outrunner/api/v1/me');
  expect((await handle('/assets/none.js')).status).toBe(404);
  expect((await handle('/assets/..%2findex.html')).status).toBe(400);
  expect((await handle('/', { method: 'POST' })).status).toBe(405);
});

it('says what to do when the page was never built', async () => {
  await rm(join(root, 'index.html'));
  const response = await handle('/');
  expect(response.status).toBe(500);
  expect(await response.text()).toContain('npm run build');
});
