import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutrunnerError, toProblem } from '../../protocol/problems.ts';
import type { StoredPackage } from '../../protocol/ssh-install-process.ts';
import { InstallProcess } from '../testing/install-process.ts';
import { smallPackage } from '../testing/small-package.ts';

/** Stands for the script of a package: tells how it was called, and where and as whom. */
const GOOD = 'echo "installing $*"; id -u >"$HOME/installed"; env >"$HOME/environment"';

/** Folders of the test stand for those of the user. */
let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'outrunner-here-'));
  for (const name of ['home', 'tmp']) mkdirSync(join(base, name));
});
afterEach(() => rmSync(base, { recursive: true }));

const inHome = (name: string) => join(base, 'home', name);
const leftovers = () => readdirSync(join(base, 'tmp'));

function begin(request: { name?: string; start?: boolean } = {}): InstallProcess {
  const env = {
    ...process.env,
    HOME: join(base, 'home'),
    TMPDIR: join(base, 'tmp'),
    ONLY_OF_THE_CONSOLE: 'very-secret',
  };
  const running = new InstallProcess(env);
  running.say({ type: 'start-here', id: randomUUID(), runner: randomUUID(), by: 'ann', request });
  return running;
}

function stored(script: string): StoredPackage {
  const { bytes, ...made } = smallPackage(script);
  const path = join(base, `${randomUUID()}.tar.gz`);
  writeFileSync(path, bytes);
  return { ...made, path, size: bytes.length };
}

async function give(running: InstallProcess, script: string): Promise<void> {
  await running.hears('need-package');
  running.say({ type: 'package', answer: { ok: true, value: stored(script) } });
}

describe.skipIf(process.platform === 'win32')(
  'an installation on this computer as a process (needs a POSIX shell)',
  () => {
    it('installs for its own user, passes on nothing of the console, and ends with the check-in', async () => {
      const running = begin({ name: 'mine' });
      await give(running, GOOD);
      await running.hears('need-check-in');
      expect(leftovers()).toHaveLength(1);
      running.say({ type: 'checked-in', answer: { ok: true, value: 'Checked in from here.' } });
      const end = await running.ended();
      const { username, uid } = userInfo();
      expect(end).toMatchObject({
        state: 'succeeded',
        from: 'console',
        where: 'here',
        host: hostname(),
        port: 0,
        user: username,
        mode: 'user',
        name: 'mine',
        by: 'ann',
        problem: null,
      });
      expect(end.output).toEqual(['installing --user --name mine']);
      expect(end.steps.find(({ step }) => step === 'start')?.detail).toBe('Checked in from here.');
      expect(readFileSync(inHome('installed'), 'utf8')).toBe(`${uid}\n`);
      expect(readFileSync(inHome('environment'), 'utf8')).not.toContain('very-secret');
      // The keys of hosts are nothing that it asks about.
      expect(running.said.map(({ type }) => type)).not.toContain('keep-host-key');
      expect(leftovers()).toEqual([]);
    });

    it('is installed and not waited for when it was not to be started', async () => {
      const running = begin({ start: false });
      await give(running, GOOD);
      const end = await running.ended();
      expect([end.state, end.output]).toEqual(['succeeded', ['installing --user --name outrunner-agent --no-start']]);
    });

    it('says what the script said when that fails, and what the shell said when there is no package', async () => {
      const failed = begin();
      await give(failed, 'echo "Nothing here starts it."; exit 32');
      expect((await failed.ended()).problem).toMatchObject({
        code: 'ssh-install-failed',
        detail: 'install.sh ended with code 32: Nothing here starts it.',
      });
      const none = begin();
      await none.hears('need-package');
      const problem = toProblem(new OutrunnerError('download-refused', { detail: 'It is signed by somebody else.' }));
      none.say({ type: 'package', answer: { ok: false, problem } });
      expect((await none.ended()).problem).toMatchObject({ code: 'download-refused', detail: problem.detail });
      expect(leftovers()).toEqual([]);
    });

    it('is cancelled, also before it has begun, and leaves nothing', async () => {
      const running = begin();
      await give(running, GOOD);
      await running.hears('need-check-in');
      running.say({ type: 'cancel' });
      expect((await running.ended()).problem?.code).toBe('ssh-install-cancelled');
      const early = begin();
      early.say({ type: 'cancel' });
      const problem = await Promise.race([
        early.hears('refused').then((one) => one.problem),
        early.ended().then((end) => end.problem),
      ]);
      expect(problem?.code).toBe('ssh-install-cancelled');
      expect(leftovers()).toEqual([]);
    });

    it('leaves nothing when the console is gone, and nothing when it is killed itself', async () => {
      const orphan = begin();
      await give(orphan, GOOD);
      await orphan.hears('need-check-in');
      const exited = once(orphan.child, 'exit');
      orphan.child.disconnect();
      await exited;
      expect(leftovers()).toEqual([]);
      const killed = begin();
      await give(killed, GOOD);
      await killed.hears('need-check-in');
      expect(leftovers()).toHaveLength(1);
      killed.child.kill('SIGKILL');
      await expect.poll(leftovers).toEqual([]);
    });

    it('that was killed while its script ran waits for the script, and then leaves nothing', async () => {
      const running = begin();
      await give(running, 'touch "$HOME/begun"; while [ ! -e "$HOME/go" ]; do sleep 0.1; done; touch "$HOME/whole"');
      await expect.poll(() => existsSync(inHome('begun'))).toBe(true);
      running.child.kill('SIGKILL');
      writeFileSync(inHome('go'), '');
      await expect.poll(() => existsSync(inHome('whole'))).toBe(true);
      await expect.poll(leftovers).toEqual([]);
    });
  },
);
