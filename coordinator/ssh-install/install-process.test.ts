import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { OutrunnerError, toProblem } from '../../protocol/problems.ts';
import type { StoredPackage, ToInstallProcess } from '../../protocol/ssh-install-process.ts';
import { InstallProcess } from '../testing/install-process.ts';
import { smallPackage } from '../testing/small-package.ts';
import { NO_CODES, NO_SSH_SERVER, openCuttableWay, type SshServer, startSshServer } from '../testing/ssh-server.ts';

const GOOD = 'echo "installing $*"; id -u >"$HOME/installed"';

describe.skipIf(NO_SSH_SERVER !== null)(
  `an installation over SSH as a process of its own (needs a real OpenSSH server: ${NO_SSH_SERVER ?? ''})`,
  () => {
    let server: SshServer;
    let folder: string;
    beforeAll(async () => {
      server = await startSshServer();
      folder = mkdtempSync(join(tmpdir(), 'outrunner-process-'));
    });
    afterAll(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    function stored(script: string, ballast = 0): StoredPackage {
      const { bytes, ...made } = smallPackage(script, ballast);
      const path = join(folder, `${randomUUID()}.tar.gz`);
      writeFileSync(path, bytes);
      return { ...made, path, size: bytes.length };
    }

    function begin(more: Partial<Extract<ToInstallProcess, { type: 'start' }>['request']> = {}): InstallProcess {
      const process = new InstallProcess();
      process.say({
        type: 'start',
        id: randomUUID(),
        runner: randomUUID(),
        by: 'ann',
        known: null,
        request: {
          host: '127.0.0.1',
          port: server.port,
          user: 'plain',
          mode: 'user',
          auth: { method: 'password', password: 'plain-secret' },
          hostKey: server.fingerprint,
          ...more,
        },
      });
      return process;
    }
    /** Answers what it needs up to the package, and gives it this one. */
    async function give(process: InstallProcess, source: StoredPackage): Promise<void> {
      await process.hears('keep-host-key');
      process.say({ type: 'host-key-kept', answer: { ok: true, value: null } });
      await process.hears('need-package');
      process.say({ type: 'package', answer: { ok: true, value: source } });
    }

    it('asks for a package and the check-in, and shows each step; its arguments and environment hold no secret', async () => {
      const process = begin({ hostKey: null });
      const asking = await process.hears('changed', ({ install }) => install.state === 'waiting-for-host-key');
      expect(asking.install.hostKey?.fingerprint).toBe(server.fingerprint);
      const own = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${process.child.pid}/${name}`, 'latin1'));
      expect(own.join()).not.toContain('plain-secret');
      process.say({ type: 'answer-host-key', fingerprint: server.fingerprint, accept: true });
      expect((await process.hears('keep-host-key')).key.fingerprint).toBe(server.fingerprint);
      process.say({ type: 'host-key-kept', answer: { ok: true, value: null } });
      expect((await process.hears('need-package')).platform).toMatch(/^linux-/);
      process.say({ type: 'package-progress', done: 5, total: 10 });
      await process.hears('changed', ({ install }) => install.steps.some(({ progress }) => progress?.total === 10));
      process.say({ type: 'package', answer: { ok: true, value: stored(GOOD) } });
      await process.hears('need-check-in');
      process.say({ type: 'checked-in', answer: { ok: true, value: 'Checked in from there.' } });
      const end = await process.ended();
      expect([end.state, end.from, end.by, end.problem]).toEqual(['succeeded', 'console', 'ann', null]);
      expect(end.steps.map(({ state }) => state)).toEqual(Array.from({ length: 8 }, () => 'done'));
      expect(end.steps.find(({ step }) => step === 'start')?.detail).toBe('Checked in from there.');
      expect(readFileSync(server.at('/home/plain/installed'), 'utf8')).toBe('4001\n');
      expect([server.leftovers(), JSON.stringify(process.said).includes('plain-secret')]).toEqual([[], false]);
    });

    it('refuses what cannot be used before any host is asked', async () => {
      const process = begin({ auth: { method: 'key', privateKey: 'hello' } });
      const { problem } = await process.hears('refused');
      expect([problem.code, problem.fields[0]?.path]).toEqual(['invalid-input', 'auth.privateKey']);
    });

    it('ends with the words of the shell when there is no package, or no check-in', async () => {
      const none = begin();
      await none.hears('keep-host-key');
      none.say({ type: 'host-key-kept', answer: { ok: true, value: null } });
      await none.hears('need-package');
      const problem = toProblem(new OutrunnerError('download-refused', { detail: 'It is signed by somebody else.' }));
      none.say({ type: 'package', answer: { ok: false, problem } });
      expect((await none.ended()).problem).toMatchObject({ code: 'download-refused', detail: problem.detail });
      const silent = begin();
      await give(silent, stored(GOOD));
      await silent.hears('need-check-in');
      silent.say({
        type: 'checked-in',
        answer: { ok: false, problem: toProblem(new OutrunnerError('ssh-not-checked-in')) },
      });
      expect((await silent.ended()).problem?.code).toBe('ssh-not-checked-in');
      expect(server.leftovers()).toEqual([]);
    });

    it('is cancelled, and leaves nothing', async () => {
      const process = begin();
      await give(process, stored(GOOD));
      await process.hears('need-check-in');
      expect(server.leftovers()).toHaveLength(1);
      process.say({ type: 'cancel' });
      expect((await process.ended()).problem?.code).toBe('ssh-install-cancelled');
      expect(server.leftovers()).toEqual([]);
    });

    it('leaves nothing when the shell is gone, and nothing when it is killed itself', async () => {
      const orphan = begin();
      await give(orphan, stored(GOOD));
      await orphan.hears('need-check-in');
      const exited = once(orphan.child, 'exit');
      orphan.child.disconnect();
      await exited;
      expect(server.leftovers()).toEqual([]);
      const killed = begin();
      await give(killed, stored(GOOD));
      await killed.hears('need-check-in');
      expect(server.leftovers()).toHaveLength(1);
      killed.child.kill('SIGKILL');
      await expect.poll(() => server.leftovers()).toEqual([]);
    });

    it('says that the connection was cut, and leaves nothing', async () => {
      const way = await openCuttableWay(server.port);
      onTestFinished(() => way.close());
      const process = begin({ port: way.port });
      await give(process, stored(GOOD, 2 << 20));
      await process.hears('need-check-in');
      way.cut();
      process.say({ type: 'cancel' });
      expect(['ssh-install-cancelled', 'ssh-connection-lost']).toContain((await process.ended()).problem?.code);
      await expect.poll(() => server.leftovers()).toEqual([]);
    });

    it.skipIf(NO_CODES !== null)(`passes on what the host asks (needs a PAM module: ${NO_CODES ?? ''})`, async () => {
      const asking = await startSshServer({ codes: true });
      onTestFinished(() => asking.stop());
      const process = begin({ port: asking.port, hostKey: asking.fingerprint, start: false });
      await process.hears('keep-host-key');
      process.say({ type: 'host-key-kept', answer: { ok: true, value: null } });
      const { install } = await process.hears('changed', (one) => one.install.questions !== null);
      process.say({ type: 'answer-questions', answers: { questions: randomUUID(), answers: ['late'] } });
      const questions = install.questions?.id ?? '';
      process.say({ type: 'answer-questions', answers: { questions, answers: [asking.code()] } });
      await process.hears('need-package');
      process.say({ type: 'package', answer: { ok: true, value: stored(GOOD) } });
      expect((await process.ended()).state).toBe('succeeded');
    });
  },
);
