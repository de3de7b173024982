import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { consoleFiles, fileName } from './console-files.ts';
import { openLog } from './log.ts';
import { compareKeys, naturalKey, pageBy, type SortKey } from './page.ts';
import { RateLimit } from './rate-limit.ts';
import { hostName, isHostAllowed, isLoopback, isOriginAllowed } from './same-origin.ts';
import { readSessionCookie, sessionCookie } from './session-cookie.ts';
import { peerAddress, trustedProxies } from './trusted-proxy.ts';

describe('pages', () => {
  const item = fc.record({
    id: fc.uuid(),
    by: fc.option(fc.integer({ min: 0, max: 5 })),
    name: fc.constantFrom('a', 'b', 'c'),
  });
  const keyOf = (one: { by: number | null; name: string; id: string }): SortKey => [one.by, one.name, one.id];

  it('joined one after the other are the whole list in order, for every size and direction', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(item, { selector: (one) => one.id }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        (items, limit, descending) => {
          const seen: typeof items = [];
          let cursor: string | undefined;
          do {
            const page = pageBy(items, { limit, cursor }, keyOf, descending);
            expect(page.total).toBe(items.length);
            seen.push(...page.items);
            cursor = page.next ?? undefined;
          } while (cursor !== undefined);
          expect(seen).toEqual(items.toSorted((a, b) => compareKeys(keyOf(a), keyOf(b), descending)));
        },
      ),
    );
  });

  it('neither repeat nor hide what stays when the last item that was seen is deleted meanwhile', () => {
    const items = ['a', 'b', 'c', 'd'].map((id) => ({ id }));
    const first = pageBy(items, { limit: 2 }, ({ id }) => [id], false);
    const left = items.filter(({ id }) => id !== 'b');
    const second = pageBy(left, { limit: 2, cursor: first.next ?? '' }, ({ id }) => [id], false);
    expect(second.items.map(({ id }) => id)).toEqual(['c', 'd']);
  });

  it('refuse a cursor that no list gave out', () => {
    for (const cursor of [
      '',
      'x',
      Buffer.from('{}').toString('base64url'),
      Buffer.from('[[1]]').toString('base64url'),
    ]) {
      expect(() => pageBy([], { limit: 1, cursor }, () => [''], false)).toThrow(/cursor/);
    }
  });

  it('order names as people do', () => {
    expect(['web-10', 'Web-2', 'web-1'].toSorted((a, b) => (naturalKey(a) < naturalKey(b) ? -1 : 1))).toEqual([
      'web-1',
      'Web-2',
      'web-10',
    ]);
  });
});

describe('the rate limit', () => {
  it('lets a burst through, then one more for each span of time, for each caller apart', () => {
    const clock = manualClock();
    const limit = new RateLimit(clock, { burst: 3, refillMs: 1000 });
    const tries = (key: string, count: number) =>
      Array.from({ length: count }, () => {
        try {
          limit.take(key);
          return true;
        } catch {
          return false;
        }
      });
    expect(tries('a', 5)).toEqual([true, true, true, false, false]);
    expect(tries('b', 1)).toEqual([true]);
    clock.advance(999);
    expect(tries('a', 1)).toEqual([false]);
    clock.advance(1);
    expect(tries('a', 2)).toEqual([true, false]);
    limit.forgive('a');
    expect(tries('a', 3)).toEqual([true, true, true]);
  });
});

describe('origins', () => {
  it('knows loopback from what only looks like it', () => {
    for (const host of ['127.0.0.1', 'localhost', '::1', '[::1]', '127.1.2.3'])
      expect([host, isLoopback(host)]).toEqual([host, true]);
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.example', 'localhost.'])
      expect([host, isLoopback(host)]).toEqual([host, false]);
  });

  it('reads the name of a Host header, and nothing that is none', () => {
    expect(['a.b:80', '[::1]:4440', 'A', '127.0.0.1:1'].map(hostName)).toEqual(['a.b', '[::1]', 'a', '127.0.0.1']);
    for (const wrong of [undefined, '', 'a:b', 'a@b', 'a/b', 'a b', ':80', 'a:123456'])
      expect([wrong, hostName(wrong)]).toEqual([wrong, null]);
  });

  it('takes the public name on loopback, where a proxy passes it on, and every name elsewhere', () => {
    const proxied = { listensOn: '127.0.0.1', publicUrl: 'https://o.example' };
    expect(isHostAllowed('o.example', proxied)).toBe(true);
    expect(isHostAllowed('evil.example', proxied)).toBe(false);
    expect(isHostAllowed('anything', { listensOn: '10.0.0.1', publicUrl: 'https://o.example' })).toBe(true);
  });

  it('compares whole origins, never parts of them', () => {
    const here = { publicUrl: 'https://o.example', secure: true };
    for (const good of [undefined, 'https://o.example', 'https://h:1'])
      expect(isOriginAllowed(good, 'h:1', here)).toBe(true);
    for (const bad of ['http://o.example', 'https://o.example.evil', 'null', 'https://h', ''])
      expect(isOriginAllowed(bad, 'h:1', here)).toBe(false);
  });
});

describe('the session cookie', () => {
  it('is read from among others, and written for TLS with Secure', () => {
    expect(readSessionCookie('a=b; outrunner_session=ors_x; c')).toBe('ors_x');
    expect(readSessionCookie('xoutrunner_session=1')).toBeNull();
    expect(readSessionCookie(undefined)).toBeNull();
    expect(sessionCookie('s', 60.7, true)).toBe(
      'outrunner_session=s; Max-Age=60; Path=/; HttpOnly; SameSite=Strict; Secure',
    );
  });
});

describe('declared proxies', () => {
  const request = (remoteAddress: string, forwarded?: string) =>
    ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as never;

  it('are believed, and nobody else', () => {
    const isProxy = trustedProxies(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);
    expect(peerAddress(request('203.0.113.9', '1.2.3.4'), isProxy)).toBe('203.0.113.9');
    expect(peerAddress(request('10.1.1.1', '1.2.3.4'), isProxy)).toBe('1.2.3.4');
    expect(peerAddress(request('::ffff:127.0.0.1', 'forged, 1.2.3.4, 10.2.2.2'), isProxy)).toBe('1.2.3.4');
    expect(peerAddress(request('10.1.1.1'), isProxy)).toBe('10.1.1.1');
    expect(isProxy('fd12::1')).toBe(true);
  });

  it('must be addresses or networks', () => {
    for (const wrong of ['proxy.example', '10.0.0.0/33', '10.0.0.0/8/8', '1.2.3', '::1/200']) {
      expect(() => trustedProxies([wrong])).toThrow(wrong);
    }
  });
});

describe('the log', () => {
  it('cuts out by name what could be a secret, and keeps the rest', () => {
    const lines: string[] = [];
    const { log } = openLog({
      level: 'info',
      format: 'json',
      clock: manualClock(0),
      to: { write: (line) => void lines.push(line) },
    });
    log.info({ password: 'p1', body: { ticket: 't1', name: 'n1' }, token: 'k1' }, 'said');
    expect(lines[0]).toContain('"time":"1970-01-01T00:00:00.000Z"');
    expect(lines[0]).toContain('n1');
    for (const secret of ['p1', 't1', 'k1']) expect(lines[0]).not.toContain(secret);
  });

  it('writes lines for people when asked', () => {
    const lines: string[] = [];
    const { log } = openLog({
      level: 'info',
      format: 'text',
      clock: manualClock(0),
      to: { write: (line) => void lines.push(line) },
    });
    log.warn({ count: 3, where: 'a b' }, 'careful');
    expect(lines).toEqual(['1970-01-01T00:00:00.000Z warn  careful count=3 where="a b"\n']);
  });
});

describe('the files of the console', () => {
  it('are served with their type, the page with a nonce of its own each time, and nothing from outside the folder', async () => {
    const base = await mkdtemp(join(tmpdir(), 'outrunner-console-'));
    const folder = join(base, 'renderer');
    const answer = consoleFiles(folder);
    const page = async (path: string) => (await answer(path, {})) ?? { status: 404, headers: {}, body: '' };
    expect((await page('/')).status).toBe(503);
    expect(String((await page('/')).body)).toContain('not built');

    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(folder, 'assets'), { recursive: true });
    await writeFile(
      join(folder, 'index.html'),
      '<meta content="__CSP_NONCE__"><script nonce="__CSP_NONCE__"></script>',
    );
    await writeFile(join(folder, 'assets', 'app-1a2b.js'), 'code');
    await writeFile(join(base, 'secret.txt'), 'secret');

    const [one, two] = [await page('/'), await page('/runners/abc')];
    const nonce = /content="([^"]+)"/.exec(String(one.body))?.[1] ?? '';
    expect(one.headers['content-security-policy']).toContain(`script-src 'self' 'nonce-${nonce}'`);
    expect(String(one.body)).toBe(`<meta content="${nonce}"><script nonce="${nonce}"></script>`);
    expect(String(two.body)).not.toContain(nonce);

    const script = await page('/assets/app-1a2b.js');
    expect(script.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': expect.stringContaining('immutable'),
    });
    expect(await text(script.body as Readable)).toBe('code');
    expect((await answer('/assets/app-1a2b.js', { 'if-none-match': String(script.headers.etag) }))?.status).toBe(304);
    expect(await answer('/assets/none.js', {})).toBeNull();
    for (const path of [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/..\\secret.txt',
      '/%00.js',
      '/%',
    ]) {
      expect([path, fileName(path)]).toEqual([path, null]);
      expect(await answer(path, {})).toBeNull();
    }
    await rm(base, { recursive: true });
  });
});
