import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Replica, Runner } from '../protocol/api/runners.ts';
import {
  NewLocalInstallSchema,
  NewSshInstallSchema,
  SSH_STEPS,
  type SshInstall,
} from '../protocol/api/ssh-installs.ts';
import { manualClock, systemClock } from '../protocol/clock.ts';
import { OutrunnerError, toProblem } from '../protocol/problems.ts';
import type { FromInstallProcess, ToInstallProcess } from '../protocol/ssh-install-process.ts';
import { awaitCheckIn } from './await-check-in.ts';
import { consoleHostKeys, HostKeyFileSchema } from './console-host-keys.ts';
import type { InstallProcess } from './install-process.ts';
import { openJsonFile } from './settings-file.ts';
import { createSshInstalls, type SshInstalls } from './ssh-installs.ts';
import { sampleRunner } from './testing/sample-runner.ts';
import { SmallCoordinator } from './testing/small-coordinator.ts';

const TIME = '2026-11-23T20:15:00.000Z';
const KEY = { type: 'ssh-ed25519', fingerprint: `SHA256:${'k'.repeat(43)}` };
const INPUT = NewSshInstallSchema.parse({
  host: 'DB.example',
  user: 'ann',
  auth: { method: 'password', password: 'very-secret' },
});
const HERE = NewLocalInstallSchema.parse({ proxy: 'http://proxy:3128' });
const runner = sampleRunner({ name: 'db' });
const replica: Replica = {
  id: crypto.randomUUID(),
  hostname: 'db-1',
  os: 'linux',
  osVersion: 'Debian 12',
  arch: 'x64',
  platform: 'linux-x64',
  user: 'outrunner',
  pid: 1,
  installPath: '/opt',
  version: '1',
  address: null,
  enrolledAt: TIME,
  startedAt: TIME,
  lastSeen: TIME,
  connected: true,
  connectedSince: TIME,
  transport: 'websocket',
  transportReason: null,
  proxy: null,
  skewMs: null,
  roundTripMs: null,
  running: 0,
  queued: 0,
  maximum: 1,
  checks: [],
  accepting: true,
  saidGoodbye: false,
  upgradable: null,
  duplicateSeenAt: null,
};

let folder: string;
let coordinator: SmallCoordinator;
/** The Runner as the coordinator says it now. */
let now: Runner;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-installs-'));
  coordinator = await SmallCoordinator.start();
  coordinator.tokens.add('t');
  now = runner;
  const say = (call: string, answer: () => unknown) =>
    coordinator.on(call, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer()));
    });
  say(`GET /runners/${runner.id}`, () => now);
  say(`GET /runners/${runner.id}/install`, () => ({
    sh: '',
    ps1: '',
    config: {
      version: 1,
      coordinator: { url: 'https://outrunner.example', publicKey: 'A'.repeat(43) },
      runner: { id: runner.id, name: runner.name },
    },
  }));
  say('GET /me', () => ({
    user: { id: crypto.randomUUID(), name: 'ann', role: 'owner' },
    csrf: null,
    may: ['read', 'manage'],
    coordinator: {
      id: crypto.randomUUID(),
      version: '1',
      protocol: 1,
      publicKey: 'A'.repeat(43),
      embedded: false,
      url: coordinator.url,
      time: TIME,
    },
  }));
  say('GET /packages', () => ({ version: null, development: false, manifest: null, signature: null, packages: [] }));
});
afterEach(async () => {
  await coordinator.stop();
  await rm(folder, { recursive: true, force: true });
});

const caller = (clock = systemClock()) => ({ clock, fetch: (url: string, init: RequestInit) => fetch(url, init) });
const target = () => ({ url: coordinator.url, token: 't' });

/** The processes of the test: what they were told, and what they say. */
class Played implements InstallProcess {
  readonly told: ToInstallProcess[] = [];
  readonly over = Promise.withResolvers<void>();
  readonly ended = this.over.promise;
  readonly hear: (message: FromInstallProcess) => void;

  constructor(hear: (message: FromInstallProcess) => void) {
    this.hear = hear;
  }

  say(message: ToInstallProcess): void {
    this.told.push(message);
  }

  kill(): void {
    this.over.resolve();
  }

  show(change: Partial<SshInstall> = {}): void {
    const start = this.told[0];
    if (start?.type !== 'start' && start?.type !== 'start-here') throw new Error('It was told nothing.');
    const { id, by } = start;
    const install: SshInstall = {
      id,
      runner: runner.id,
      from: 'console',
      where: 'ssh',
      host: INPUT.host,
      port: 22,
      user: 'ann',
      mode: 'system',
      name: 'outrunner-agent',
      state: 'running',
      by,
      startedAt: TIME,
      endedAt: null,
      platform: null,
      hostKey: null,
      knownHostKey: null,
      questions: null,
      steps: SSH_STEPS.map((step) => ({
        step,
        state: step === 'upload' ? 'running' : 'waiting',
        detail: '',
        progress: null,
      })),
      output: [],
      problem: null,
      ...change,
    };
    this.hear({ type: 'changed', install });
  }
}

async function open(answer = true) {
  const processes: Played[] = [];
  const asked: string[] = [];
  const shown: SshInstall[] = [];
  const file = await openJsonFile(join(folder, 'host-keys.json'), HostKeyFileSchema, () => undefined);
  const installs: SshInstalls = createSshInstalls({
    caller: caller(),
    trustedKey: null,
    hostKeys: consoleHostKeys(file, () => Date.parse(TIME)),
    folder: join(folder, 'packages'),
    target: async () => target(),
    startProcess(hear) {
      const process = new Played(hear);
      processes.push(process);
      return process;
    },
    async confirm(...what) {
      asked.push(what.join(' | '));
      return answer;
    },
    changed: (install) => shown.push(install),
    report: (message) => expect.fail(message),
  });
  const process = async (at = 0) => {
    await expect.poll(() => processes[at]?.told.length).toBeGreaterThan(0);
    return processes[at] ?? expect.fail();
  };
  return { installs, processes, asked, shown, process };
}

describe('installations over SSH from the desktop', () => {
  it('begins when the person confirmed it outside of the page, and does not ask again for another try', async () => {
    const { installs, asked, process } = await open();
    const begun = installs.start(runner.id, INPUT);
    const first = await process();
    first.show();
    expect(await begun).toMatchObject({ from: 'console', by: 'ann', state: 'running' });
    expect(asked).toEqual([`db | ann@DB.example | ${new URL(coordinator.url).host}`]);
    await expect(installs.start(runner.id, INPUT)).rejects.toMatchObject({ code: 'conflict' });
    first.show({ state: 'failed', endedAt: TIME, problem: toProblem(new OutrunnerError('ssh-unreachable')) });
    const again = installs.start(runner.id, INPUT);
    (await process(1)).show();
    await again;
    expect(asked).toHaveLength(1);
    expect(installs.list(runner.id).map(({ state }) => state)).toEqual(['running', 'failed']);
  });

  it('starts nothing when it was not confirmed, or the coordinator says no', async () => {
    const refused = await open(false);
    await expect(refused.installs.start(runner.id, INPUT)).rejects.toMatchObject({ code: 'ssh-install-cancelled' });
    const { installs, asked, processes } = await open();
    coordinator.on(`GET /runners/${runner.id}/install`, () => {
      throw new OutrunnerError('enrolment-needed');
    });
    await expect(installs.start(runner.id, INPUT)).rejects.toMatchObject({ code: 'enrolment-needed' });
    expect([asked, processes, refused.processes]).toEqual([[], [], []]);
  });

  it('passes on why a key cannot be used, with its field', async () => {
    const { installs, process } = await open();
    const begun = installs.start(runner.id, INPUT);
    const fields = [{ path: 'auth.privateKey', message: 'This is no key.' }];
    const { hear } = await process();
    hear({ type: 'refused', problem: toProblem(new OutrunnerError('invalid-input', { fields })) });
    await expect(begun).rejects.toMatchObject({ code: 'invalid-input', fields });
    expect(installs.list(runner.id)).toEqual([]);
  });

  it('keeps a host key that was confirmed, gives it to the next one, and refuses another one', async () => {
    const { installs, process } = await open();
    const begun = installs.start(runner.id, INPUT);
    const first = await process();
    first.show();
    const { id } = await begun;
    expect(() => installs.answerHostKey(id, KEY.fingerprint, true)).toThrow('does not ask');
    first.show({ state: 'waiting-for-host-key', hostKey: KEY });
    installs.answerHostKey(id, KEY.fingerprint, true);
    first.hear({ type: 'keep-host-key', key: KEY });
    await expect.poll(() => first.told.at(-1)).toEqual({ type: 'host-key-kept', answer: { ok: true, value: null } });
    first.hear({ type: 'keep-host-key', key: { ...KEY, fingerprint: `SHA256:${'o'.repeat(43)}` } });
    await expect
      .poll(() => first.told.at(-1))
      .toMatchObject({ answer: { ok: false, problem: { code: 'ssh-host-key-changed' } } });
    first.show({ state: 'failed', endedAt: TIME });
    const path = join(folder, 'host-keys.json');
    expect([(await stat(path)).mode & 0o777, (await readFile(path, 'utf8')).includes('very-secret')]).toEqual([
      0o600,
      false,
    ]);
    const again = installs.start(runner.id, INPUT);
    const second = await process(1);
    expect(second.told[0]).toMatchObject({ known: { host: 'db.example', port: 22, ...KEY, confirmedBy: 'ann' } });
    second.show({ state: 'failed', endedAt: TIME });
    await again;
    const [start] = second.told;
    await installs.forgetHostKey((start?.type === 'start' && start.known?.id) || '');
    await expect(installs.forgetHostKey(crypto.randomUUID())).rejects.toMatchObject({ code: 'not-found' });
  });

  it('says so when there is no package that can be checked, and leaves none on this computer', async () => {
    const { installs, process } = await open();
    const begun = installs.start(runner.id, INPUT);
    const first = await process();
    first.show();
    await begun;
    first.hear({ type: 'need-package', platform: 'linux-x64' });
    await expect
      .poll(() => first.told.at(-1))
      .toMatchObject({ type: 'package', answer: { ok: false, problem: { code: 'package-missing' } } });
    first.kill();
    await expect.poll(async () => await readdir(join(folder, 'packages'))).toEqual([]);
  });

  it('shows one whose process ended in the middle as failed', async () => {
    const { installs, process, shown } = await open();
    const begun = installs.start(runner.id, INPUT);
    const first = await process();
    first.show();
    const { id } = await begun;
    first.kill();
    await expect.poll(() => shown.at(-1)?.state).toBe('failed');
    expect(installs.get(id)).toMatchObject({ problem: { code: 'internal' } });
    expect(installs.get(id).steps.find(({ step }) => step === 'upload')?.state).toBe('failed');
    installs.cancel(id);
    expect(() => installs.get(id)).toThrow(OutrunnerError);
  });

  it('tells each that runs to end when the console is closed, and waits for it', async () => {
    const { installs, process } = await open();
    const begun = installs.start(runner.id, INPUT);
    const first = await process();
    first.show();
    await begun;
    const stopped = installs.stop();
    expect(first.told.at(-1)).toEqual({ type: 'cancel' });
    first.show({ state: 'failed', endedAt: TIME, problem: toProblem(new OutrunnerError('ssh-install-cancelled')) });
    await stopped;
  });
});

describe('installations on this computer from the desktop', () => {
  it('begin when the person confirmed it outside of the page, and know of no host', async () => {
    const { installs, asked, process } = await open();
    const begun = installs.startHere(runner.id, HERE);
    const first = await process();
    first.show({ where: 'here', host: 'desk', port: 0, mode: 'user' });
    const { id } = await begun;
    expect(asked).toEqual([`db |  | ${new URL(coordinator.url).host}`]);
    expect(first.told).toEqual([{ type: 'start-here', id, runner: runner.id, by: 'ann', request: HERE }]);
    await expect(installs.startHere(runner.id, HERE)).rejects.toMatchObject({
      code: 'conflict',
      message: 'This Runner is being installed on desk already.',
    });
    first.hear({ type: 'need-package', platform: 'linux-x64' });
    await expect
      .poll(() => first.told.at(-1))
      .toMatchObject({ type: 'package', answer: { ok: false, problem: { code: 'package-missing' } } });
    now = { ...runner, replicas: [replica] };
    first.hear({ type: 'need-check-in' });
    await expect
      .poll(() => first.told.at(-1))
      .toEqual({ type: 'checked-in', answer: { ok: true, value: 'Checked in from db-1.' } });
    first.show({ where: 'here', state: 'succeeded', endedAt: TIME });
    await first.ended;
    await expect.poll(async () => await readdir(join(folder, 'packages'))).toEqual([]);
    expect(installs.list(runner.id)).toMatchObject([{ id, where: 'here', state: 'succeeded' }]);
  });

  it('are asked about though the same Runner was confirmed for a host, and not begun when the answer is no', async () => {
    const { installs, asked, process } = await open();
    const begun = installs.start(runner.id, INPUT);
    (await process()).show({ state: 'failed', endedAt: TIME });
    await begun;
    const here = installs.startHere(runner.id, HERE);
    (await process(1)).show({ where: 'here', state: 'failed', endedAt: TIME });
    await here;
    expect(asked).toHaveLength(2);
    const refused = await open(false);
    await expect(refused.installs.startHere(runner.id, HERE)).rejects.toMatchObject({ code: 'ssh-install-cancelled' });
    expect(refused.processes).toEqual([]);
  });

  it('are refused with the words of the process where none is possible', async () => {
    const { installs, process } = await open();
    const begun = installs.startHere(runner.id, HERE);
    (await process()).hear({ type: 'refused', problem: toProblem(new OutrunnerError('install-here-impossible')) });
    await expect(begun).rejects.toMatchObject({ code: 'install-here-impossible' });
  });
});

describe('the first check-in, as the desktop sees it', () => {
  const wait = (clock = systemClock(), signal = new AbortController().signal) =>
    awaitCheckIn(caller(clock), target(), runner, 'https://outrunner.example', signal);

  it('is there when a replica is connected', async () => {
    now = { ...runner, replicas: [replica] };
    expect(await wait()).toBe('Checked in from db-1.');
  });

  it('is waited for; then it says what is known of the cause', async () => {
    for (const [refusals, words] of [
      [[], 'The Runner looks for the coordinator at https://outrunner.example.'],
      [
        [{ at: TIME, address: '10.0.0.7', code: 'token-used', detail: 'The token was used.' }],
        'A connection from 10.0.0.7 was refused: The token was used.',
      ],
    ] as const) {
      now = { ...runner, refusals: [...refusals] as Runner['refusals'] };
      const clock = manualClock();
      const waiting = wait(clock).catch((error: unknown) => error);
      // Slowly enough that no call to the coordinator seems to take too long.
      await expect
        .poll(
          async () => {
            clock.advance(5000);
            return await Promise.race([waiting, Promise.resolve()]);
          },
          { timeout: 15_000 },
        )
        .toMatchObject({
          code: 'ssh-not-checked-in',
          message: `Nothing arrived within 90 seconds. ${words}`,
        });
    }
  });

  it('ends with the reason of who does not wait any longer', async () => {
    const abort = new AbortController();
    const waiting = wait(systemClock(), abort.signal);
    abort.abort(new OutrunnerError('ssh-install-cancelled'));
    await expect(waiting).rejects.toMatchObject({ code: 'ssh-install-cancelled' });
  });
});
