import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InstallProcess } from '../testing/install-process.ts';
import { smallZip } from '../testing/small-zip.ts';
import { StandInWindows } from '../testing/windows-stand-in.ts';

const PROGRAM = join(import.meta.dirname, '../testing/windows-install-program.ts');
const GOOD = 'echo "installing für $USERPROFILE"; env >"$USERPROFILE/environment"';
const SLOW =
  'touch "$USERPROFILE/begun"; while [ -d "$USERPROFILE" ] && [ ! -e "$USERPROFILE/go" ]; do sleep 0.05; done; echo late; touch "$USERPROFILE/whole"';

describe.skipIf(process.platform === 'win32')(
  'an installation on Windows as a process, with a stand-in for PowerShell (needs a POSIX shell)',
  () => {
    let windows: StandInWindows;
    beforeEach(() => {
      windows = new StandInWindows();
    });
    afterEach(() => windows.remove());

    const inHome = (name: string) => join(windows.home, name);

    function begin(): InstallProcess {
      const running = new InstallProcess({ ...process.env, STAND_IN_WINDOWS: windows.base }, PROGRAM);
      const request = { name: 'mine' };
      running.say({ type: 'start-here', id: randomUUID(), runner: randomUUID(), by: 'ann', request });
      return running;
    }

    async function give(running: InstallProcess, agent: string): Promise<void> {
      const { platform } = await running.hears('need-package');
      expect(platform).toBe('win-x64');
      const { bytes, ...made } = smallZip(agent);
      const path = join(windows.base, `${randomUUID()}.package`);
      writeFileSync(path, bytes);
      running.say({ type: 'package', answer: { ok: true, value: { ...made, path, size: bytes.length } } });
    }

    it('installs for its own user, passes on nothing of the console, and ends with the check-in', async () => {
      const running = begin();
      await give(running, GOOD);
      await running.hears('need-check-in');
      expect(windows.leftovers()).toHaveLength(1);
      running.say({ type: 'checked-in', answer: { ok: true, value: 'Checked in from DESK.' } });
      const end = await running.ended();
      expect(end).toMatchObject({
        state: 'succeeded',
        from: 'console',
        where: 'here',
        host: 'DESK',
        user: 'jörg',
        mode: 'user',
        platform: 'win-x64',
        output: [`installing für ${windows.home}`],
        problem: null,
      });
      expect(end.steps.map(({ step, state }) => `${step} ${state}`)).toEqual([
        'connect left',
        'host-key left',
        'detect done',
        'upload done',
        'verify done',
        'install done',
        'start done',
        'clean done',
      ]);
      expect(Object.keys(windows.seen()?.env ?? {})).not.toContain('STAND_IN_WINDOWS');
      expect(windows.leftovers()).toEqual([]);
    });

    it('is told to cancel while its script runs: it ends after that, and leaves nothing', async () => {
      const running = begin();
      await give(running, SLOW);
      await expect.poll(() => existsSync(inHome('begun'))).toBe(true);
      running.say({ type: 'cancel' });
      const waits = await running.hears('changed', ({ install }) =>
        install.steps.some(({ detail }) => detail === 'install.ps1 comes to its end…'),
      );
      expect([waits.install.endedAt, windows.leftovers().length]).toEqual([null, 1]);
      writeFileSync(inHome('go'), '');
      const end = await running.ended();
      expect([end.problem?.code, existsSync(inHome('whole')), end.output]).toEqual([
        'ssh-install-cancelled',
        true,
        ['late'],
      ]);
      // What it printed after that is shown, and does not take the step up again.
      expect(end.steps.find(({ step }) => step === 'install')?.state).toBe('failed');
      expect(windows.leftovers()).toEqual([]);
    });

    it('leaves nothing when the console is gone, also while the script runs', async () => {
      const orphan = begin();
      await give(orphan, SLOW);
      await expect.poll(() => existsSync(inHome('begun'))).toBe(true);
      const exited = once(orphan.child, 'exit');
      orphan.child.disconnect();
      writeFileSync(inHome('go'), '');
      await exited;
      expect([existsSync(inHome('whole')), windows.leftovers()]).toEqual([true, []]);
    });

    it('that was killed leaves its folder to the next one, which removes it when nobody used it for a while', async () => {
      const killed = begin();
      await give(killed, GOOD);
      await killed.hears('need-check-in');
      const exited = once(killed.child, 'exit');
      killed.child.kill('SIGKILL');
      await exited;
      const [left = ''] = windows.leftovers();
      expect(left).toMatch(/^outrunner-install-/);
      const again = async () => {
        const running = begin();
        await give(running, GOOD);
        await running.hears('need-check-in');
        running.say({ type: 'checked-in', answer: { ok: true, value: 'Checked in.' } });
        expect((await running.ended()).state).toBe('succeeded');
      };
      await again();
      expect(windows.leftovers()).toEqual([left]);
      utimesSync(join(windows.system.temporary, left), 0, 0);
      await again();
      expect(windows.leftovers()).toEqual([]);
    });
  },
);
