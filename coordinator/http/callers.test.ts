import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from '../../protocol/api/route.ts';
import { API_BASE, ROUTES } from '../../protocol/api/routes.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
beforeAll(async () => {
  whole = await startWhole();
});
afterAll(() => whole.stop());

const rows = Object.entries(ROUTES) as [string, Route][];
const ID = '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10';
const pathOf = (row: Route) =>
  `${API_BASE}${row.path.replace(/\{(\w+)\}/g, (_, name) => (name === 'project' ? 'Welcome' : ID))}`;

/** A browser's session: its cookie and the token that it sends back. */
async function browser(ticket = whole.coordinator.ownerTicket, headers: Record<string, string> = {}) {
  const answer = await whole.request('POST', '/api/v1/session', { body: { ticket }, token: null, headers });
  const setCookie = answer.headers.get('set-cookie') ?? '';
  return { answer, setCookie, cookie: setCookie.split(';')[0] ?? '', csrf: String(answer.body.csrf) };
}

/** A request whose Host header is not that of its socket; fetch sets it itself. */
function withHost(host: string, path = '/api/v1/health', headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`${whole.url}${path}`, { headers: { ...headers, host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
}

describe('credentials', () => {
  const closed = rows.filter(([, row]) => row.access !== 'anyone');
  it.each(closed)('%s refuses who is not signed in, and who has a wrong token or cookie', async (_name, row) => {
    const path = pathOf(row);
    expect(await whole.request(row.method, path, { token: null })).toMatchObject({
      status: 401,
      body: { code: 'sign-in-needed' },
    });
    for (const wrong of ['ort_wrong', 'ors_wrong', 'x']) {
      expect(await whole.request(row.method, path, { token: wrong })).toMatchObject({
        status: 401,
        body: { code: 'token-unknown' },
      });
    }
    const headers = { cookie: 'outrunner_session=wrong' };
    expect(await whole.request(row.method, path, { token: null, headers })).toMatchObject({ status: 401 });
  });

  it('does not take a session of a browser as a bearer token, nor the other way round', async () => {
    const { cookie } = await browser();
    expect((await whole.call('me', { token: cookie.split('=')[1] ?? '' })).status).toBe(401);
    const headers = { cookie: `outrunner_session=${whole.token}` };
    expect((await whole.call('me', { token: null, headers })).status).toBe(401);
  });

  it('refuses other schemes of authorization, and empty and enormous tokens', async () => {
    for (const authorization of ['Basic b3duZXI6', 'Bearer', 'Bearer ', `Bearer ${'x'.repeat(5000)}`, 'bearer a b']) {
      const answer = await whole.call('me', { token: null, headers: { authorization } });
      expect([authorization.slice(0, 20), answer.status]).toEqual([authorization.slice(0, 20), 401]);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('lets a reading token read, and nothing else', async () => {
    const { secret } = (await whole.call('createToken', { body: { name: 'monitor', scope: 'read' } })).body;
    expect((await whole.call('listRunners', { token: secret })).status).toBe(200);
    expect((await whole.request('GET', '/api/v1/metrics', { token: secret })).status).toBe(200);
    expect((await whole.call('me', { token: secret })).body.may).toEqual(['read']);
    for (const [name, row] of rows) {
      if (row.access === 'anyone' || (row.method === 'GET' && row.access === 'user')) continue;
      const answer = await whole.request(row.method, pathOf(row), { token: secret });
      // The package is read, but it holds a secret: only who manages may have it.
      expect([name, answer.status, answer.body.code]).toEqual([name, 403, 'not-allowed']);
    }
  });

  it('ends a token at its expiry and at its revocation', async () => {
    const made = (await whole.call('createToken', { body: { name: 'short', expiresInDays: 1 } })).body;
    expect((await whole.call('me', { token: made.secret })).status).toBe(200);
    whole.clock.jump(86_400_000 - 1);
    expect((await whole.call('me', { token: made.secret })).status).toBe(200);
    whole.clock.jump(1);
    expect((await whole.call('me', { token: made.secret })).status).toBe(401);
    const other = (await whole.call('createToken', { body: { name: 'other', expiresInDays: null } })).body;
    expect((await whole.call('deleteToken', { params: { id: other.token.id } })).status).toBe(204);
    expect((await whole.call('me', { token: other.secret })).status).toBe(401);
    expect((await whole.call('deleteToken', { params: { id: other.token.id } })).status).toBe(404);
  });
});

describe('browsers', () => {
  it('get a cookie that no script reads and no other site sends, and no secret in the body', async () => {
    const { answer, setCookie } = await browser();
    expect(setCookie).toMatch(/^outrunner_session=ors_[\w-]+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(answer.body.token).toBeNull();
  });

  it('may read with the cookie alone, and write only with the CSRF token of their own session', async () => {
    const mine = await browser();
    const other = await browser();
    const write = (headers: Record<string, string>) =>
      whole.request('POST', '/api/v1/projects', {
        token: null,
        body: {},
        headers: { cookie: mine.cookie, ...headers },
      });
    expect((await whole.call('me', { token: null, headers: { cookie: mine.cookie } })).body.csrf).toBe(mine.csrf);
    expect(await write({})).toMatchObject({ status: 403, body: { code: 'csrf-refused' } });
    expect(await write({ 'x-outrunner-csrf': 'wrong' })).toMatchObject({ status: 403 });
    expect(await write({ 'x-outrunner-csrf': other.csrf })).toMatchObject({ status: 403 });
    // 400: it came through to the validation.
    expect(await write({ 'x-outrunner-csrf': mine.csrf })).toMatchObject({ status: 400 });
    expect(await write({ 'x-outrunner-csrf': mine.csrf, origin: whole.url })).toMatchObject({ status: 400 });
    for (const origin of ['https://evil.example', 'null', `${whole.url}.evil.example`, 'http://127.0.0.1:1']) {
      expect(await write({ 'x-outrunner-csrf': mine.csrf, origin })).toMatchObject({
        status: 403,
        body: { code: 'csrf-refused' },
      });
    }
  });

  it('get a new session at each sign-in: one that was planted before is not taken over, and the old one ends', async () => {
    const planted = 'outrunner_session=ors_planted-by-somebody-else';
    const first = await browser(undefined, { cookie: planted });
    expect(first.cookie).not.toBe(planted);
    expect((await whole.call('me', { token: null, headers: { cookie: planted } })).status).toBe(401);
    const second = await browser(undefined, { cookie: first.cookie });
    expect(second.cookie).not.toBe(first.cookie);
    expect(second.csrf).not.toBe(first.csrf);
    expect((await whole.call('me', { token: null, headers: { cookie: first.cookie } })).status).toBe(401);
    expect((await whole.call('me', { token: null, headers: { cookie: second.cookie } })).status).toBe(200);
  });

  it('are signed out for good, and lose the cookie', async () => {
    const { cookie, csrf } = await browser();
    const headers = { cookie, 'x-outrunner-csrf': csrf };
    const out = await whole.call('signOut', { token: null, headers });
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toMatch(
      /^outrunner_session=; Max-Age=0; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect((await whole.call('me', { token: null, headers: { cookie } })).status).toBe(401);
  });

  it('are signed out when the session has lived its life', async () => {
    const { cookie, answer } = await browser();
    whole.clock.jump(Date.parse(answer.body.expiresAt) - whole.clock.now() - 1);
    expect((await whole.call('me', { token: null, headers: { cookie } })).status).toBe(200);
    whole.clock.jump(1);
    expect((await whole.call('me', { token: null, headers: { cookie } })).status).toBe(401);
    whole = await renewed();
  });
});

/** The owner's own session has lived its life too. */
async function renewed(): Promise<WholeCoordinator> {
  return whole.restart();
}

describe('other hosts', () => {
  it('are refused when a page of the internet has given its name our loopback address', async () => {
    const port = new URL(whole.url).port;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, '[::1]:80', 'localhost']) {
      expect([host, await withHost(host)]).toEqual([host, 200]);
    }
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '10.0.0.1',
    ]) {
      expect([host, await withHost(host)]).toEqual([host, 403]);
      expect([host, await withHost(host, '/')]).toEqual([host, 403]);
    }
  });

  it('get no leave to read answers from other origins', async () => {
    const answer = await whole.request('GET', '/api/v1/health', { headers: { origin: 'https://evil.example' } });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });
});

describe('the log', () => {
  it('has no secret in it, whoever sent one', async () => {
    await whole.call('createToken', { body: { name: 'x' } });
    await whole.request('POST', '/api/v1/session', {
      token: null,
      body: { name: 'admin', password: 'my-very-own-password' },
    });
    const { cookie, csrf } = await browser();
    const text = whole.log.join('\n');
    expect(text).toContain('/api/v1/session');
    for (const secret of [
      whole.token,
      whole.coordinator.ownerTicket,
      'my-very-own-password',
      cookie.split('=')[1] ?? '?',
      csrf,
    ]) {
      expect(text).not.toContain(secret);
    }
    expect(text).not.toMatch(/or[tsk]_[\w-]{20}/);
  });
});
