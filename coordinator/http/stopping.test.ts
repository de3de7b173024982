import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { route } from '../../protocol/api/route.ts';
import { type ManualClock, manualClock } from '../../protocol/clock.ts';
import { startWhole } from '../testing/whole-coordinator.ts';
import { type ApiServer, createApiServer } from './api-server.ts';
import { openLog } from './log.ts';

const lasting = route({
  method: 'GET',
  path: '/lasting',
  summary: 'Takes as long as the test wants',
  access: 'anyone',
  status: 200,
  stream: { contentType: 'text/plain', description: '' },
});

async function serverWith(
  clock: ManualClock,
  ready: () => Promise<void> = async () => undefined,
): Promise<{ api: ApiServer; url: string; body: PassThrough }> {
  const { log } = openLog({ level: 'silent', format: 'json', clock });
  const api = createApiServer({
    clock,
    log,
    credentials: { find: async () => null },
    idempotency: null as never,
    host: '127.0.0.1',
    port: 0,
    portsToTry: 1,
    publicUrl: null,
    tls: null,
    isProxy: () => false,
    page: null,
    checkAnswers: true,
  });
  const body = new PassThrough();
  body.write('begun ');
  api.serve(lasting, async () => {
    await ready();
    return { headers: { 'content-type': 'text/plain' }, body };
  });
  return { api, url: await api.listen(), body };
}

const ask = (url: string, agent?: Agent) =>
  new Promise<IncomingMessage>(
    (resolve, reject) => void get(url, agent === undefined ? {} : { agent }, resolve).on('error', reject),
  );

const textOf = async (answer: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return text;
};

describe('stopping', () => {
  it('lets what is under way finish, and answers new calls of open connections with 503', async () => {
    const { api, url, body } = await serverWith(manualClock());
    const agent = new Agent({ keepAlive: true });
    const under = await ask(`${url}/api/v1/lasting`);
    await textOf(await ask(`${url}/api/v1/nothing`, agent));
    const stopped = api.stop();
    const late = await ask(`${url}/api/v1/lasting`, agent).catch((error: Error) => error);
    if (!(late instanceof Error)) {
      expect([late.statusCode, late.headers.connection]).toEqual([503, 'close']);
      expect(JSON.parse(await textOf(late))).toMatchObject({ code: 'shutting-down' });
    }
    body.end('and ended');
    expect(await textOf(under)).toBe('begun and ended');
    await stopped;
    // A new connection: one that was kept may not have heard of its end yet.
    await expect(ask(`${url}/api/v1/lasting`, new Agent())).rejects.toThrow(/ECONNREFUSED/);
    agent.destroy();
  });

  it('is not kept waiting by the open connection of a call that came before it and is answered after', async () => {
    const came = Promise.withResolvers<void>();
    const ready = Promise.withResolvers<void>();
    const { api, url, body } = await serverWith(manualClock(), () => {
      came.resolve();
      return ready.promise;
    });
    const agent = new Agent({ keepAlive: true });
    const answer = ask(`${url}/api/v1/lasting`, agent);
    await came.promise;
    const stopped = api.stop();
    ready.resolve();
    body.end('and ended');
    expect(await textOf(await answer)).toBe('begun and ended');
    await stopped;
    agent.destroy();
  });

  it('cuts what does not end within five seconds', async () => {
    const clock = manualClock();
    const { api, url } = await serverWith(clock);
    const under = await ask(`${url}/api/v1/lasting`);
    const stopped = api.stop();
    clock.advance(4999);
    expect(under.destroyed).toBe(false);
    clock.advance(1);
    await expect(textOf(under)).rejects.toThrow();
    await stopped;
  });
});

const openssl = ['/usr/bin/openssl', '/opt/homebrew/bin/openssl'].find((path) => existsSync(path));

it.skipIf(openssl === undefined)('speaks TLS, with Secure cookies and strict transport (needs openssl)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outrunner-tls-'));
  const [tlsKey, tlsCert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    ...subject,
  ];
  execFileSync(openssl ?? '', [...made, '-keyout', tlsKey, '-out', tlsCert], { stdio: 'ignore' });
  setDefaultCACertificates([...getCACertificates(), readFileSync(tlsCert, 'utf8')]);
  const whole = await startWhole({ settings: { tlsKey, tlsCert, tlsCa: tlsCert } });
  expect(whole.url).toMatch(/^https:/);
  const { ownerTicket } = whole.coordinator;
  const answer = await whole.request('POST', '/api/v1/session', { token: null, body: { ticket: ownerTicket } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('set-cookie')).toMatch(/; Secure$/);
  expect(answer.headers.get('strict-transport-security')).toContain('max-age');
  await whole.stop();
  rmSync(folder, { recursive: true });
});
