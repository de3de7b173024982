import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunnerConfigSchema } from '../../protocol/enrolment.ts';
import { targetOfHost } from '../../protocol/release.ts';
import { powershellParser } from '../testing/powershell-grammar.ts';
import { enrolSimulated } from '../testing/simulated-agent.ts';
import { writeSmallRelease } from '../testing/small-release.ts';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

/** The one line as a person types it: a real coordinator, real curl, wget, tar and shells. */

const target = targetOfHost(process.platform, process.arch);
const runs = process.platform !== 'win32' && spawnSync('curl', ['--version']).status === 0;
/** Says how it was called and with which configuration; `run` is what start.sh calls. */
const STAND_IN = `#!/bin/sh
{ printf '%s\\n' "$@"; echo --; cat ./runner.json; } >"$SAID"
exit "\${STAND_IN_EXIT:-0}"
`;

let base: string;
let agentsDir: string;
let whole: WholeCoordinator;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'outrunner-one-line-'));
  agentsDir = join(base, 'agents');
  await mkdir(agentsDir);
  const unix = target === undefined || target === 'win-x64' ? 'linux-x64' : target;
  await writeSmallRelease(agentsDir, Buffer.from(STAND_IN), [unix, 'win-x64']);
  whole = await startWhole({ settings: { agentsDir } });
});
afterAll(async () => {
  await whole.stop();
  await rm(base, { recursive: true });
});

async function create(name: string, more: Record<string, unknown> = {}) {
  const { body } = await whole.call('createRunner', { body: newRunner(name, more) });
  return { id: String(body.runner.id), token: String(body.enrolment.token) };
}

const address = (token: string, kind = 'sh') => `${whole.url}/api/v1/install/${token}.${kind}`;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** How the agent was called, and its runner.json. */
  readonly told: readonly string[] | null;
  readonly config: unknown;
  /** What is left in the temporary folder. */
  readonly left: readonly string[];
  readonly cwd: string;
}

/** Runs a line of shell; everything that it may write to is a folder of its own. */
async function line(command: string, env: Record<string, string> = {}): Promise<Ran> {
  const cwd = await mkdtemp(join(base, 'cwd-'));
  const temporary = await mkdtemp(join(base, 'tmp-'));
  const said = join(cwd, '.said');
  const child = spawn('sh', ['-c', command], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, TMPDIR: temporary, SAID: said, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  const written = await readFile(said, 'utf8').catch(() => null);
  const [told, config] = written?.split('\n--\n') ?? [];
  return {
    code,
    out,
    err,
    told: told?.split('\n') ?? null,
    config: config === undefined ? null : RunnerConfigSchema.parse(JSON.parse(config)),
    left: await readdir(temporary),
    cwd,
  };
}

describe.skipIf(!runs)('curl … | sh (needs curl)', () => {
  it.each(
    ['sh', 'dash', 'bash', 'busybox ash'].filter(
      (shell) => spawnSync(`${shell} -c true`, { shell: true }).status === 0,
    ),
  )('fetches the package, checks it and installs it, through %s', async (shell) => {
    const { id, token } = await create(`Büro ${shell}`);
    const ran = await line(`curl -sSL '${address(token)}' | ${shell} -s -- --user --name lab-2 --no-start`);
    expect([ran.code, ran.err, ran.left]).toEqual([0, '', []]);
    expect(ran.told?.slice(0, 3)).toEqual(['service', 'install', '--config']);
    expect(ran.told?.slice(4)).toEqual(['--no-start', '--user', '--name', 'lab-2']);
    expect(ran.config).toMatchObject({ runner: { id }, enrolment: { token } });
    expect(ran.out).toMatch(/fetching the package for \S+ \(\d+ bytes\)\n.*SHA-256 and signature are right/);
    const { body } = await whole.call('getRunner', { params: { id } });
    expect(body.enrolment.downloadedAt).not.toBeNull();
  });

  it('does it with wget as well, the small one too', async () => {
    for (const wget of ['wget', 'busybox wget']) {
      if (spawnSync(`${wget} --help`, { shell: true }).status !== 0) continue;
      const { id, token } = await create(`with ${wget}`);
      const path = await pathOnly(wget);
      const ran = await line(`curl -sSL '${address(token)}' >s; PATH='${path}' /bin/sh s --user`);
      expect([wget, ran.code, ran.err, ran.left]).toEqual([wget, 0, '', []]);
      expect(ran.config).toMatchObject({ runner: { id } });
    }
  });

  it('ends as the agent ended, and leaves nothing behind', async () => {
    const { token } = await create('fails');
    const ran = await line(`curl -sSL '${address(token)}' | sh -s -- --user`, { STAND_IN_EXIT: '12' });
    expect([ran.code, ran.left]).toEqual([12, []]);
  });

  it('goes through the proxy that it is told, and gives that to the agent, without a password in any argument', async () => {
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
      const forwarded = buffer(request).then((body) =>
        fetch(String(request.url), { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
      );
      forwarded.then(
        async (answer) => {
          response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
          response.end(Buffer.from(await answer.arrayBuffer()));
        },
        (error: unknown) => response.destroy(error as Error),
      );
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const { token } = await create('behind a proxy');
      const url = `http://us%20er:geheim@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const path = await pathWith('curl', 'printf "%s\\n" "$@" >>"$HOME/.arguments"; exec /usr/bin/curl "$@"');
      const ran = await line(`/usr/bin/curl -sSL '${address(token)}' | sh -s -- --user '--proxy=${url}'`, {
        PATH: path,
      });
      expect([ran.code, ran.err]).toEqual([0, '']);
      expect(ran.config).toMatchObject({ proxy: url });
      expect(seen).toEqual([
        `POST ${whole.url}/api/v1/install/package Basic ${Buffer.from('us er:geheim').toString('base64')}`,
      ]);
      const given = await readFile(join(ran.cwd, '.arguments'), 'utf8');
      expect(given).not.toMatch(/ore_|geheim/);
      // The usual variables do as well; then the agent goes by its own environment.
      const other = await create('behind a proxy of the environment');
      const env = { http_proxy: url, https_proxy: url, no_proxy: '' };
      const second = await line(`env -u http_proxy curl -sSL '${address(other.token)}' | sh -s -- --user`, env);
      expect([second.code, seen.length]).toEqual([0, 2]);
      expect(second.config).not.toHaveProperty('proxy');
    } finally {
      await new Promise((resolve) => proxy.close(resolve));
    }
  });

  it('trusts the certificates of a private authority, given or from the settings, and nothing without', async () => {
    const [key, certificate] = [join(base, 'tls.key'), join(base, 'tls.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2', '-nodes'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-keyout', key, '-out', certificate, ...subject], {
      stdio: 'ignore',
    });
    let behind = '';
    const front = createTlsServer(
      { key: await readFile(key), cert: await readFile(certificate) },
      (request, response) => {
        const onward = httpRequest(`${behind}${request.url}`, {
          method: request.method ?? '',
          headers: request.headers,
        });
        onward.once('response', (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        });
        request.pipe(onward);
      },
    );
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const publicUrl = `https://localhost:${(front.address() as AddressInfo).port}`;
    const common = { agentsDir, publicUrl, trustedProxy: ['127.0.0.1'] };
    try {
      for (const settings of [{ ...common, tlsCa: certificate }, common]) {
        const hidden = await startWhole({ settings });
        behind = hidden.url;
        const { body } = await hidden.call('createRunner', { body: newRunner('private') });
        const { body: install } = await hidden.call('describeInstall', { params: { id: body.runner.id } });
        expect(install.sh).toMatch(/^https:\/\/localhost:\d+\/api\/v1\/install\/ore_\S+\.sh$/);
        const given = await line(
          `curl -sSL --cacert '${certificate}' ${install.sh} | sh -s -- --user --ca '${certificate}'`,
        );
        expect([given.code, given.err]).toEqual([0, '']);
        expect(given.config).toMatchObject({
          ca: await readFile(certificate, 'utf8'),
          coordinator: { url: publicUrl },
        });
        const known = await line(`curl -sSL --cacert '${certificate}' ${install.sh} | sh -s -- --user`);
        if ('tlsCa' in settings) expect([known.code, known.config]).toEqual([0, given.config]);
        else expect(known).toMatchObject({ code: 5, told: null, left: [], err: expect.stringMatching(/certificate/) });
        await hidden.stop();
      }
    } finally {
      await new Promise((resolve) => front.close(resolve));
    }
  });

  it('unpacks here and runs with --foreground, once', async () => {
    const { token } = await create('in front');
    const ran = await line(`curl -sSL '${address(token)}' | sh -s -- --foreground && ls outrunner-in-front`);
    expect([ran.code, ran.told, ran.left]).toEqual([0, ['run'], []]);
    expect(ran.out).toContain('start.sh');
    const again = await line(`mkdir outrunner-in-front; curl -sSL '${address(token)}' | sh -s -- --foreground`);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('here already; start it with')]);
  });

  it('runs nothing of a script that was cut off, wherever that was', async () => {
    const { token } = await create('cut off');
    const script = await (await fetch(address(token))).text();
    // The last byte is a line end that nobody misses.
    const cuts = [100, 900, 3000, 5000, ...Array.from({ length: 120 }, (_, index) => script.length - 2 - index)];
    const folder = await mkdtemp(join(base, 'cut-'));
    for (const [index, cut] of cuts.entries()) await writeFile(join(folder, String(index)), script.slice(0, cut));
    const path = await pathWith('curl', 'echo called >>"$HOME/.called"; exit 7');
    const ran = await line(`for s in '${folder}'/*; do sh <"$s" >/dev/null 2>&1; done; cat .called 2>/dev/null; true`, {
      PATH: path,
    });
    expect(ran.out).toBe('');
    await writeFile(join(folder, '0'), script.trimEnd());
    expect((await line(`sh <'${folder}/0'; cat .called`, { PATH: path })).out).toContain('called');
  });

  it('refuses a package that is not the one that was announced', async () => {
    const { token } = await create('altered');
    const script = await (await fetch(address(token))).text();
    const hash = /sha256=([0-9a-f]{64})/.exec(script)?.[1] ?? '';
    const wrong = join(base, 'wrong hash.sh');
    await writeFile(wrong, script.replaceAll(hash, 'f'.repeat(64)));
    expect(await line(`sh '${wrong}' --user`)).toMatchObject({
      code: 3,
      told: null,
      left: [],
      err: expect.stringContaining(hash),
    });
    await writeFile(wrong, script.replaceAll(/size=(\d+)/g, 'size=7'));
    expect(await line(`sh '${wrong}' --user`)).toMatchObject({ code: 5, told: null, left: [] });
  });
});

describe('a token that opens nothing', () => {
  it('is answered with a script that says why and fails, and with a status that curl -f takes for a failure', async () => {
    const used = await create('used');
    await enrolSimulated(whole.url, used.id, used.token);
    const revoked = await create('revoked');
    await whole.call('createEnrolment', { params: { id: revoked.id }, body: { revoke: true } });
    const expired = await create('expired', { tokenHours: 1 });
    whole.clock.jump(3_600_000);
    const cases = [
      [used.token, /already used\. Regenerate/],
      [revoked.token, /revoked\. Download/],
      [expired.token, /expired\. Regenerate/],
      [`ore_${'x'.repeat(43)}`, /not known\. Download/],
    ] as const;
    for (const [token, why] of cases) {
      const answer = await whole.request('GET', `/api/v1/install/${token}.sh`, { token: null });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([401, 'text/x-shellscript; charset=utf-8']);
      const ran = spawnSync('sh', { input: answer.body, encoding: 'utf8' });
      expect([ran.status, ran.stdout]).toEqual([1, '']);
      expect(ran.stderr).toMatch(why);
      const windows = await whole.request('GET', `/api/v1/install/${token}.ps1`, { token: null });
      expect([windows.status, windows.body]).toEqual([401, expect.stringMatching(/^throw 'outrunner: /)]);
      const fetched = await whole.request('POST', '/api/v1/install/package', {
        token: null,
        body: { token, platform: 'linux-x64' },
      });
      expect([fetched.status, fetched.body.detail]).toEqual([401, expect.stringMatching(/token/)]);
    }
    if (!runs) return;
    expect((await line(`curl -fsSL '${address(used.token)}'`)).code).toBe(22);
  });

  it('is slowed down like wrong enrolments, and who succeeds is forgiven', async () => {
    const { token } = await create('patient');
    const statuses = new Set<number>();
    for (let tries = 0; tries < 35; tries++) {
      statuses.add((await whole.request('GET', `/api/v1/install/ore_${'y'.repeat(43)}.sh`, { token: null })).status);
    }
    expect([...statuses]).toEqual([401, 429]);
    const slowed = await whole.request('GET', `/api/v1/install/${token}.sh`, { token: null });
    expect([slowed.status, slowed.headers.get('retry-after')]).toEqual([429, '1']);
    whole.clock.advance(1000);
    expect((await whole.request('GET', `/api/v1/install/${token}.sh`, { token: null })).status).toBe(200);
    expect((await whole.request('GET', `/api/v1/install/${token}.ps1`, { token: null })).status).toBe(200);
  });

  it('stands in no line of the log, nor does one that is right', () => {
    const lines = whole.log.join('\n');
    expect(lines).toContain('/api/v1/install/ore_[redacted].sh');
    expect(lines.replaceAll('ore_[redacted]', '')).not.toContain('ore_');
  });
});

describe('the script for Windows', () => {
  it('is PowerShell and plain ASCII, ends no session, and carries the token in no argument', async () => {
    const { token } = await create('Fenster ‘quer’');
    const { status, body } = await whole.request('GET', `/api/v1/install/${token}.ps1`, { token: null });
    expect(status).toBe(200);
    const { mistakes, nodes } = (await powershellParser())(body);
    expect(mistakes).toEqual([]);
    expect(body).toMatch(/^[\r\n\x20-\x7e]*$/);
    const commands = nodes.filter((node) => node.kind === 'command').map((node) => node.text);
    expect(commands.filter((command) => command.includes(token))).toEqual([]);
    expect(nodes.filter((node) => node.kind === 'flow_control_statement' && node.text.startsWith('exit'))).toEqual([]);
    // In the foreground, too, nothing starts that install.ps1 has not checked.
    const places = ["'-Check'", "'install.ps1'", 'Move-Item', "'start.ps1'"].map((part) => body.indexOf(part));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(-1);
    const parse = await powershellParser();
    for (const cut of [40, 500, 2000, body.length - 4, body.length - 10])
      expect([cut, parse(body.slice(0, cut)).mistakes.length > 0]).toEqual([cut, true]);
  });
});

/** A PATH in which one program is a script. */
async function pathWith(name: string, script: string): Promise<string> {
  const folder = await mkdtemp(join(base, 'path-'));
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
  return `${folder}:${process.env.PATH ?? ''}`;
}

/** A PATH that has no curl, and `wget` as the only way to fetch. */
async function pathOnly(wget: string): Promise<string> {
  const folder = await mkdtemp(join(base, 'path-'));
  const tools = [
    'sh',
    'cat',
    'uname',
    'id',
    'mktemp',
    'tar',
    'gzip',
    'wc',
    'cut',
    'rm',
    'tr',
    'sed',
    'head',
    'grep',
    'awk',
  ];
  for (const tool of [...tools, 'sha256sum', 'openssl', 'dirname']) {
    await writeFile(join(folder, tool), `#!/bin/sh\nPATH='${process.env.PATH ?? ''}' exec ${tool} "$@"\n`);
    await chmod(join(folder, tool), 0o755);
  }
  await writeFile(join(folder, 'wget'), `#!/bin/sh\nPATH='${process.env.PATH ?? ''}' exec ${wget} "$@"\n`);
  await chmod(join(folder, 'wget'), 0o755);
  return folder;
}
