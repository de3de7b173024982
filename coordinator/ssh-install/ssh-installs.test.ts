import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type SshInstall, SshInstallSchema } from '../../protocol/api/ssh-installs.ts';
import { RunnerConfigSchema } from '../../protocol/enrolment.ts';
import { targetOfHost } from '../../protocol/release.ts';
import { LiveReader } from '../testing/live-reader.ts';
import { enrolSimulated, SimulatedAgent } from '../testing/simulated-agent.ts';
import { writeSmallRelease } from '../testing/small-release.ts';
import { NO_SSH_SERVER, type SshServer, startSshServer } from '../testing/ssh-server.ts';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

/** Stands for the agent in the package: says how it was called, and keeps its configuration as a service does. */
const STAND_IN = `#!/bin/sh
echo "service: $*"
cp runner.json "$HOME/runner.json"
`;
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const NO_SERVER = NO_SSH_SERVER ?? '';
const target = targetOfHost(process.platform, process.arch) ?? 'linux-x64';

describe.skipIf(NO_SSH_SERVER !== null)(
  `installing over SSH by the API (needs an OpenSSH server: ${NO_SERVER})`,
  () => {
    let server: SshServer;
    let base: string;
    let whole: WholeCoordinator;
    let live: LiveReader;
    beforeAll(async () => {
      base = await mkdtemp(join(tmpdir(), 'outrunner-ssh-api-'));
      const agentsDir = join(base, 'agents');
      await mkdir(agentsDir);
      await writeSmallRelease(agentsDir, Buffer.from(STAND_IN), [target]);
      [server, whole] = await Promise.all([startSshServer(), startWhole({ settings: { agentsDir } })]);
      live = await LiveReader.open(whole.url, whole.token);
    });
    afterAll(async () => {
      live.close();
      await Promise.all([whole.stop(), server.stop()]);
      await rm(base, { recursive: true });
    });
    beforeEach(async () => {
      for (const { id } of (await whole.call('listHostKeys')).body.items) {
        await whole.call('forgetHostKey', { params: { id } });
      }
    });

    let runners = 0;
    const create = async () => {
      const { body } = await whole.call('createRunner', { body: newRunner(`ssh-${++runners}`) });
      return String(body.runner.id);
    };
    const body = (more: Record<string, unknown> = {}) => ({
      host: '127.0.0.1',
      port: server.port,
      user: 'plain',
      mode: 'user',
      auth: { method: 'password', password: 'plain-secret' },
      ...more,
    });
    const begin = async (runner: string, more: Record<string, unknown> = {}) => {
      const answer = await whole.call('startSshInstall', { params: { id: runner }, body: body(more) });
      return { status: answer.status, install: SshInstallSchema.parse(answer.body) };
    };
    /** Waits, by what consoles are told, until the installation is like that. */
    const until = async (id: string, fits: (install: SshInstall) => boolean): Promise<SshInstall> => {
      const event = await live.until((one) => one.topic === 'ssh-install' && one.id === id && fits(one.install));
      return event.topic === 'ssh-install' ? event.install : expect.fail();
    };
    const ended = (id: string) => until(id, ({ endedAt }) => endedAt !== null);
    const accept = (id: string, fingerprint = server.fingerprint) =>
      whole.call('answerHostKey', { params: { id }, body: { accept: true, fingerprint } });

    it('asks about the host key, installs the real package, and ends with the first check-in', async () => {
      const runner = await create();
      const { status, install } = await begin(runner);
      expect([status, install.state, install.by]).toEqual([202, 'running', 'owner']);
      const asking = await until(install.id, ({ state }) => state === 'waiting-for-host-key');
      expect(asking.hostKey).toEqual({ type: 'ssh-ed25519', fingerprint: server.fingerprint });
      expect((await accept(install.id, `SHA256:${'x'.repeat(43)}`)).body.code).toBe('conflict');
      expect((await accept(install.id)).status).toBe(200);
      whole.clock.advance(200);
      await untilStep(install.id, 'start');
      const config = RunnerConfigSchema.parse(JSON.parse(await readFile(server.at('/home/plain/runner.json'), 'utf8')));
      expect(config.runner.id).toBe(runner);
      const agent = new SimulatedAgent(await enrolSimulated(whole.url, runner, config.enrolment?.token ?? ''));
      await agent.connect();
      whole.clock.advance(1000);
      const end = await ended(install.id);
      expect([end.state, end.problem, end.platform]).toEqual(['succeeded', null, target]);
      expect(end.steps.map(({ step, state }) => `${step} ${state}`)).toEqual([
        'connect done',
        'host-key done',
        'detect done',
        'upload done',
        'verify done',
        'install done',
        'start done',
        'clean done',
      ]);
      expect(end.steps.find(({ step }) => step === 'start')?.detail).toMatch(/^Checked in from /);
      expect(end.output.at(-1)).toMatch(
        /^service: service install --config \/.*\/runner\.json --user --name outrunner-agent$/,
      );
      expect(server.leftovers()).toEqual([]);
      expect((await whole.call('getSshInstall', { params: { id: install.id } })).body).toEqual(end);
      expect((await whole.call('listSshInstalls', { params: { id: runner } })).body.items).toEqual([end]);
      agent.kill();
    });

    /** Moves time until a step runs: what is told of it is held back a little. */
    async function untilStep(id: string, step: string): Promise<void> {
      for (;;) {
        const { steps } = (await whole.call('getSshInstall', { params: { id } })).body as SshInstall;
        if (steps.some((one) => one.step === step && one.state !== 'waiting')) return;
      }
    }

    it('remembers a key that was confirmed, and does not ask again', async () => {
      const first = await begin(await create(), { start: false });
      await until(first.install.id, ({ state }) => state === 'waiting-for-host-key');
      await accept(first.install.id);
      expect((await ended(first.install.id)).state).toBe('succeeded');
      const { items } = (await whole.call('listHostKeys')).body;
      expect(items).toMatchObject([{ host: '127.0.0.1', fingerprint: server.fingerprint, confirmedBy: 'owner' }]);

      const again = await begin(await create(), { start: false });
      const end = await ended(again.install.id);
      expect([end.state, end.steps.find(({ step }) => step === 'start')?.state]).toEqual(['succeeded', 'left']);
    });

    it('refuses a key that is not the known one, and says which it is, until that is forgotten', async () => {
      const mine = await startSshServer();
      const { port } = mine;
      const first = await begin(await create(), { port, start: false, hostKey: mine.fingerprint });
      expect((await ended(first.install.id)).state).toBe('succeeded');
      await mine.stop();
      const replaced = await startSshServer({ port });
      try {
        const runner = await create();
        const second = await ended((await begin(runner, { port, start: false })).install.id);
        expect([second.state, second.problem?.code, second.hostKey, second.knownHostKey?.fingerprint]).toEqual([
          'failed',
          'ssh-host-key-changed',
          { type: 'ssh-ed25519', fingerprint: replaced.fingerprint },
          mine.fingerprint,
        ]);
        await whole.call('forgetHostKey', { params: { id: second.knownHostKey?.id } });
        const third = await begin(runner, { port, start: false, hostKey: replaced.fingerprint });
        expect((await ended(third.install.id)).state).toBe('succeeded');
      } finally {
        await replaced.stop();
      }
    });

    it('does not go on with a key that is refused, or another one than was expected', async () => {
      const runner = await create();
      const first = await begin(runner);
      await until(first.install.id, ({ state }) => state === 'waiting-for-host-key');
      const { id } = first.install;
      await whole.call('answerHostKey', { params: { id }, body: { accept: false, fingerprint: server.fingerprint } });
      expect((await ended(id)).problem?.code).toBe('ssh-host-key-refused');
      const second = await begin(runner, { hostKey: `SHA256:${'A'.repeat(43)}` });
      expect((await ended(second.install.id)).problem?.code).toBe('ssh-host-key-changed');
      expect((await whole.call('listHostKeys')).body.items).toEqual([]);
    });

    it('gives up a question that nobody answers', async () => {
      const { install } = await begin(await create());
      await until(install.id, ({ state }) => state === 'waiting-for-host-key');
      whole.clock.advance(10 * 60_000);
      expect((await ended(install.id)).problem).toMatchObject({
        code: 'ssh-host-key-refused',
        detail: 'Nobody answered for 10 minutes.',
      });
    });

    it('says what it knows when the Runner does not check in', async () => {
      const { install } = await begin(await create(), { hostKey: server.fingerprint });
      await untilStep(install.id, 'start');
      whole.clock.advance(90_000);
      const { problem } = await ended(install.id);
      expect([problem?.code, problem?.detail]).toEqual([
        'ssh-not-checked-in',
        expect.stringContaining('which is the host itself for it'),
      ]);
    });

    it('is cancelled, and forgotten when it has ended', async () => {
      const { install } = await begin(await create(), { hostKey: server.fingerprint });
      const params = { id: install.id };
      await untilStep(install.id, 'start');
      expect((await whole.call('cancelSshInstall', { params })).status).toBe(204);
      expect((await ended(install.id)).problem?.code).toBe('ssh-install-cancelled');
      expect((await whole.call('cancelSshInstall', { params })).status).toBe(204);
      expect((await whole.call('getSshInstall', { params })).status).toBe(404);
      expect(server.leftovers()).toEqual([]);
    });

    it('takes one at a time for a Runner, and none without a token that can be used', async () => {
      const runner = await create();
      const { install } = await begin(runner);
      await until(install.id, ({ state }) => state === 'waiting-for-host-key');
      expect((await whole.call('startSshInstall', { params: { id: runner }, body: body() })).body).toMatchObject({
        status: 409,
        detail: 'This Runner is being installed on 127.0.0.1 already.',
      });
      await whole.call('cancelSshInstall', { params: { id: install.id } });
      await ended(install.id);
      whole.clock.advance(25 * 3_600_000);
      const late = await whole.call('startSshInstall', { params: { id: runner }, body: body() });
      expect([late.status, late.body.code]).toEqual([409, 'enrolment-needed']);
    });

    it('names what is wrong with a key before any host is asked', async () => {
      const runner = await create();
      const refused = async (auth: Record<string, unknown>) => {
        const answer = await whole.call('startSshInstall', { params: { id: runner }, body: body({ auth }) });
        return [answer.status, answer.body.fields?.[0]?.path, answer.body.fields?.[0]?.message];
      };
      const { encryptedKey, publicKey } = server;
      expect(await refused({ method: 'key', privateKey: 'hello' })).toEqual([
        400,
        'auth.privateKey',
        'This is not a private key in OpenSSH, PEM or PuTTY form.',
      ]);
      expect((await refused({ method: 'key', privateKey: publicKey }))[1]).toBe('auth.privateKey');
      expect(await refused({ method: 'key', privateKey: encryptedKey })).toEqual([
        400,
        'auth.passphrase',
        'This key is encrypted: its passphrase is needed.',
      ]);
      expect(await refused({ method: 'key', privateKey: encryptedKey, passphrase: 'wrong' })).toEqual([
        400,
        'auth.passphrase',
        'The passphrase does not open this key.',
      ]);
      expect((await refused({ method: 'magic' }))[1]).toMatch(/^auth/);
      expect((await whole.call('listSshInstalls', { params: { id: runner } })).body.items).toEqual([]);
    });

    it('puts proxy and certificates of the host’s network into its package, and names the one that cannot be used', async () => {
      const runner = await create();
      const network = { proxy: 'http://u:hidden@proxy.example:3128', ca: CERTIFICATE };
      const { install } = await begin(runner, { hostKey: server.fingerprint, start: false, ...network });
      expect((await ended(install.id)).state).toBe('succeeded');
      const config = RunnerConfigSchema.parse(JSON.parse(await readFile(server.at('/home/plain/runner.json'), 'utf8')));
      expect([config.proxy, config.ca]).toEqual([network.proxy, network.ca]);
      expect([JSON.stringify(live.events), whole.log.join()].join()).not.toContain('hidden');
      for (const wrong of [{ proxy: 'proxy.example:3128' }, { ca: 'CERTIFICATE' }]) {
        const answer = await whole.call('startSshInstall', { params: { id: runner }, body: body(wrong) });
        const path = Object.keys(wrong)[0];
        expect([answer.status, answer.body.fields.map((one: { path: string }) => one.path)]).toEqual([400, [path]]);
      }
    });

    it('answers a repeated call with the same installation, and keeps no trace of the password by it', async () => {
      const runner = await create();
      const call = (password: string) =>
        whole.call('startSshInstall', {
          params: { id: runner },
          body: body({ hostKey: server.fingerprint, start: false, auth: { method: 'password', password } }),
          headers: { 'idempotency-key': `once-${runner}` },
        });
      const [first, second] = [await call('plain-secret'), await call('another')];
      // No hash of the body is compared, because none is kept: it could be guessed back to the password.
      expect([second.headers.get('idempotency-replayed'), second.body.id]).toEqual(['true', first.body.id]);
      await ended(first.body.id);
    });

    it('keeps passwords and keys out of answers, events, the log and the files of the coordinator', async () => {
      const runner = await create();
      const auth = { method: 'key', privateKey: server.encryptedKey, passphrase: 'open sesame' };
      const more = { auth, user: 'asked', mode: 'system', sudoPassword: 'asked-secret', start: false };
      const { install } = await begin(runner, { ...more, hostKey: server.fingerprint });
      const end = await ended(install.id);
      expect(end.state).toBe('succeeded');
      const keyBody = server.encryptedKey.split('\n')[1] ?? '';
      const secrets = ['plain-secret', 'asked-secret', 'open sesame', keyBody];
      await whole.coordinator.store.write(async () => undefined);
      const files = await readdir(whole.folder, { recursive: true, withFileTypes: true });
      const stored = await Promise.all(
        files.filter((one) => one.isFile()).map((one) => readFile(join(one.parentPath, one.name), 'latin1')),
      );
      const places = {
        answer: JSON.stringify(end),
        live: JSON.stringify(live.events),
        log: whole.log.join(),
        files: stored.join(),
      };
      expect(places.log).toContain('an installation succeeded');
      for (const secret of secrets) {
        for (const [place, text] of Object.entries(places))
          expect([place, text.includes(secret)]).toEqual([place, false]);
      }
    });

    it('ends what runs when the coordinator stops, and leaves nothing on the host', async () => {
      const agentsDir = join(base, 'agents');
      const mine = await startWhole({ settings: { agentsDir } });
      const runner = (await mine.call('createRunner', { body: newRunner('r') })).body.runner.id;
      const { body: install } = await mine.call('startSshInstall', {
        params: { id: runner },
        body: body({ hostKey: server.fingerprint }),
      });
      for (;;) {
        const { steps } = (await mine.call('getSshInstall', { params: { id: install.id } })).body as SshInstall;
        if (steps.some(({ step, state }) => step === 'start' && state === 'running')) break;
      }
      expect(server.leftovers()).toHaveLength(1);
      await mine.stop();
      expect(server.leftovers()).toEqual([]);
    });
  },
);

describe.skipIf(process.platform === 'win32')('running on this computer by the API (needs a POSIX shell)', () => {
  let base: string;
  let whole: WholeCoordinator;
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'outrunner-here-'));
    for (const folder of ['agents', 'home', 'tmp']) await mkdir(join(base, folder));
    vi.stubEnv('HOME', join(base, 'home'));
    vi.stubEnv('TMPDIR', join(base, 'tmp'));
    await writeSmallRelease(join(base, 'agents'), Buffer.from(STAND_IN), [target]);
    whole = await startWhole({ settings: { agentsDir: join(base, 'agents') } });
  });
  afterAll(async () => {
    await whole.stop();
    vi.unstubAllEnvs();
    await rm(base, { recursive: true });
  });

  const leftovers = async () => (await readdir(join(base, 'tmp'))).filter((name) => name.startsWith('outrunner.'));
  const create = async (name: string) => {
    const { body } = await whole.call('createRunner', { body: newRunner(name) });
    return String(body.runner.id);
  };
  const ended = async (id: string): Promise<SshInstall> => {
    for (;;) {
      const { body } = await whole.call('getSshInstall', { params: { id } });
      if (body.endedAt !== null) return body as SshInstall;
    }
  };

  it('installs for the user of the coordinator alone, and leaves nothing in the temporary folder', async () => {
    const runner = await create('here-1');
    const { status, body } = await whole.call('installHere', {
      params: { id: runner },
      body: { start: false, proxy: 'http://proxy:1' },
    });
    expect([status, body.where, body.mode]).toEqual([202, 'here', 'user']);
    const end = await ended(body.id);
    expect([end.state, end.problem]).toEqual(['succeeded', null]);
    expect(end.output.at(-1)).toMatch(/ --no-start --user --name outrunner-agent$/);
    const config: unknown = JSON.parse(await readFile(join(base, 'home', 'runner.json'), 'utf8'));
    expect(RunnerConfigSchema.parse(config)).toMatchObject({ runner: { id: runner }, proxy: 'http://proxy:1' });
    expect(await leftovers()).toEqual([]);
  });

  it('is cancelled while it waits, and leaves nothing', async () => {
    const { body } = await whole.call('installHere', { params: { id: await create('here-2') }, body: {} });
    for (;;) {
      const { steps } = (await whole.call('getSshInstall', { params: { id: body.id } })).body as SshInstall;
      if (steps.some(({ step, state }) => step === 'start' && state === 'running')) break;
    }
    await whole.call('cancelSshInstall', { params: { id: body.id } });
    expect((await ended(body.id)).problem?.code).toBe('ssh-install-cancelled');
    expect(await leftovers()).toEqual([]);
  });

  it('is not possible where the coordinator is not embedded', async () => {
    const hosted = await startWhole({ settings: { embedded: false } });
    try {
      const { body } = await hosted.call('createRunner', { body: newRunner('r') });
      const answer = await hosted.call('installHere', { params: { id: body.runner.id }, body: {} });
      expect([answer.status, answer.body.code]).toEqual([409, 'install-here-impossible']);
    } finally {
      await hosted.stop();
    }
  });
});
