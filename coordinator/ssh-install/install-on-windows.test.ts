import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock, systemClock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { SmallPackage } from '../testing/small-package.ts';
import { packageOf, smallZip, ZIP_FOLDER, zipOf } from '../testing/small-zip.ts';
import { StandInWindows } from '../testing/windows-stand-in.ts';
import type { PackageSource, SshInstallPorts, StepEvent, WhatHere } from './install-ports.ts';
import { ARGUMENTS, COMMAND } from './windows-script.ts';

/** Stands for the agent in the package: says how it was called, and that it has come to its end. */
const GOOD = 'echo "installing $1 $2 $5 $6 $7"; touch "$USERPROFILE/whole"';
/** Runs until the test lets it go, or is over. */
const SLOW =
  'touch "$USERPROFILE/begun"; while [ -d "$USERPROFILE" ] && [ ! -e "$USERPROFILE/go" ]; do sleep 0.05; done; touch "$USERPROFILE/whole"';
const OLD_NAME = 'outrunner-install-01234567-89ab-cdef-0123-456789abcdef';

function sourceOf({ bytes, ...made }: SmallPackage, sent: Uint8Array = bytes): PackageSource {
  return {
    ...made,
    size: bytes.length,
    async *open() {
      for (let at = 0; at < sent.length; at += 65_536) yield sent.subarray(at, at + 65_536);
    },
  };
}

interface Trial {
  readonly source?: PackageSource;
  readonly what?: Partial<WhatHere>;
  readonly ports?: Partial<SshInstallPorts>;
  readonly signal?: AbortSignal;
}

// What runs in the place of Windows' own programs is for a POSIX shell.
describe.skipIf(process.platform === 'win32')(
  'an installation on Windows, with a stand-in for PowerShell (needs a POSIX shell)',
  () => {
    let windows: StandInWindows;
    beforeEach(() => {
      windows = new StandInWindows();
    });
    afterEach(() => windows.remove());

    async function attempt(trial: Trial = {}) {
      const steps: Record<string, StepEvent> = {};
      const printed: string[] = [];
      const ports: SshInstallPorts = {
        clock: systemClock(),
        knownHostKey: async () => expect.fail('there is no host key'),
        presented: () => expect.fail('there is no host key'),
        confirmHostKey: async () => expect.fail('there is no host key'),
        ask: async () => expect.fail('nothing was to be asked'),
        packageFor: async (platform) => {
          expect(platform).toBe('win-x64');
          return trial.source ?? sourceOf(smallZip(GOOD));
        },
        checkedIn: async () => 'Checked in.',
        tell: (step, event) => {
          steps[step] = { ...steps[step], ...event };
        },
        printed: (line) => printed.push(line),
        ...trial.ports,
      };
      const what = { name: 'mine', start: true, ...trial.what };
      const signal = trial.signal ?? new AbortController().signal;
      let problem: OutrunnerError | null = null;
      await windows
        .computer()
        .install(what, ports, signal)
        .catch((error: unknown) => {
          if (!(error instanceof OutrunnerError)) throw error;
          problem = error;
        });
      const states = Object.entries(steps).map(([step, { state }]) => `${step} ${state}`);
      return { problem: problem as OutrunnerError | null, steps, states, printed };
    }

    /** Whatever happened: nothing is left here, and the next attempt succeeds. */
    async function expectCleanAndRepeatable(): Promise<void> {
      expect(windows.leftovers()).toEqual([]);
      expect((await attempt()).problem).toBeNull();
      expect(windows.leftovers()).toEqual([]);
    }

    const inHome = (name: string) => join(windows.home, name);

    it('unpacks the package, runs its script by the one PowerShell, waits for the check-in, and leaves nothing', async () => {
      const during: string[] = [];
      const { problem, states, steps, printed } = await attempt({
        ports: {
          checkedIn: async () => {
            const [folder = ''] = windows.leftovers();
            const unpacked = join(windows.system.temporary, folder);
            during.push(...readdirSync(unpacked), ...readdirSync(join(unpacked, 'package')));
            during.push((lstatSync(join(unpacked, 'package', 'runner.json')).mode & 0o777).toString(8));
            return 'Checked in from DESK.';
          },
        },
      });
      expect(problem).toBeNull();
      expect(states).toEqual(['detect done', 'upload done', 'verify done', 'install done', 'start done', 'clean done']);
      expect([steps.detect?.detail, steps.start?.detail]).toEqual([
        'Windows x64, 10.0.26100.',
        'Checked in from DESK.',
      ]);
      expect(printed).toEqual(['installing service install --user --name mine']);
      expect(during).toEqual(['package', 'install.ps1', 'outrunner-agent.exe', 'runner.json', '600']);
      expect(windows.leftovers()).toEqual([]);
      const seen = windows.seen();
      expect(seen?.args).toEqual([...ARGUMENTS, COMMAND]);
      expect(seen?.cwd).toBe(join(windows.base, 'System32'));
      const { PWD: _, SHLVL: __, _: ___, ...env } = seen?.env ?? {};
      expect(Object.keys(env).sort()).toEqual([
        'OUTRUNNER_INSTALL_NAME',
        'OUTRUNNER_INSTALL_SCRIPT',
        'OUTRUNNER_INSTALL_START',
        'PATH',
        'TEMP',
        'USERPROFILE',
      ]);
      expect(env.OUTRUNNER_INSTALL_SCRIPT).toMatch(/\/Temp\/outrunner-install-[0-9a-f-]{36}\/package\/install\.ps1$/);
    });

    it('is installed and not waited for when it was not to be started', async () => {
      const { problem, steps, printed } = await attempt({ what: { start: false } });
      expect([problem, steps.start?.state, printed]).toEqual([
        null,
        'left',
        ['installing service install --no-start --user --name'],
      ]);
    });

    it.each([2, 3, 4, 30, 32, 33])('says what the script said when it ends with %i', async (code) => {
      const script = `echo 'Der Ordner „Größe“ ist da. 日本' >&2; exit ${code}`;
      const { problem, printed, states } = await attempt({ source: sourceOf(smallZip(script)) });
      expect([problem?.code, problem?.message]).toEqual([
        'ssh-install-failed',
        `install.ps1 ended with code ${code}: Der Ordner „Größe“ ist da. 日本`,
      ]);
      expect(printed).toEqual(['Der Ordner „Größe“ ist da. 日本']);
      expect(states).toContain('install failed');
      await expectCleanAndRepeatable();
    });

    it('tells a full disk from other failures of the script', async () => {
      const script = 'echo "x could not be written: no space left on its disk."; exit 30';
      expect((await attempt({ source: sourceOf(smallZip(script)) })).problem?.code).toBe('ssh-no-space');
    });

    it('does not take a PowerShell for a success that ended well and never came to the script', async () => {
      windows.behave('says nothing');
      expect((await attempt()).problem?.message).toBe('install.ps1 ended with code 0: it said nothing');
    });

    it('says that a policy forbids scripts', async () => {
      windows.behave('is forbidden');
      const { problem } = await attempt();
      expect([problem?.code, problem?.message]).toEqual([
        'ssh-install-failed',
        expect.stringMatching(
          /^A policy of this computer forbids scripts of PowerShell: .* die Ausführung von Skripts/,
        ),
      ]);
    });

    it('needs the PowerShell of Windows before it fetches anything, and says when that cannot be started', async () => {
      chmodSync(windows.system.powershell, 0o644);
      const forbidden = await attempt();
      expect([forbidden.problem?.code, forbidden.problem?.message]).toEqual([
        'ssh-install-failed',
        'Windows PowerShell could not be started (EACCES); a policy of this computer may forbid it.',
      ]);
      expect(windows.leftovers()).toEqual([]);
      rmSync(windows.system.powershell);
      const missing = await attempt({ ports: { packageFor: async () => expect.fail('no package was needed') } });
      expect([missing.problem?.code, missing.states]).toEqual(['install-here-impossible', ['detect failed']]);
      expect(missing.problem?.message).toContain(windows.system.powershell);
    });

    it('unpacks nothing of what is not what was sent', async () => {
      const made = smallZip(GOOD);
      const sent = Buffer.from(made.bytes);
      sent[100] = (sent[100] ?? 0) ^ 1;
      const { problem, states } = await attempt({ source: sourceOf(made, sent) });
      expect([problem?.code, windows.seen()]).toEqual(['ssh-upload-damaged', null]);
      expect(states).toContain('verify failed');
      await expectCleanAndRepeatable();
    });

    it.each([
      '../evil.exe',
      'evil.exe',
      `${ZIP_FOLDER}/../evil.exe`,
      `${ZIP_FOLDER}\\evil.exe`,
      `${ZIP_FOLDER}/sub/evil.exe`,
      `${ZIP_FOLDER}/install.ps1:stream`,
      `${ZIP_FOLDER}/evil.exe.`,
      'C:/evil.exe',
    ])('refuses a package that holds %s', async (name) => {
      const zip = zipOf({ [`${ZIP_FOLDER}/`]: '', [`${ZIP_FOLDER}/install.ps1`]: '', [name]: 'evil' });
      const { problem } = await attempt({ source: sourceOf(packageOf(zip)) });
      expect([problem?.code, windows.seen()]).toEqual(['ssh-upload-damaged', null]);
      expect(windows.leftovers()).toEqual([]);
      expect(existsSync(join(windows.base, 'evil.exe'))).toBe(false);
    });

    it('refuses what is no zip, and a package without its script', async () => {
      const noZip = await attempt({ source: sourceOf(packageOf(Buffer.from('hello '.repeat(100)))) });
      expect(noZip.problem?.code).toBe('ssh-upload-damaged');
      const bare = await attempt({ source: sourceOf(packageOf(zipOf({ [`${ZIP_FOLDER}/README.txt`]: '' }))) });
      expect(bare.problem?.message).toBe('The package has no install.ps1.');
      await expectCleanAndRepeatable();
    });

    it('says that there is no room, and that the folder cannot be written to', async () => {
      const large = await attempt({ source: { ...sourceOf(smallZip(GOOD)), unpackedSize: 1e17 } });
      expect([large.problem?.code, large.problem?.message]).toEqual([
        'ssh-no-space',
        expect.stringMatching(/^The installation needs 1\d+ MB for a while; .*Temp has \d+ MB\.$/),
      ]);
      expect(windows.leftovers()).toEqual([]);
      rmSync(windows.system.temporary, { recursive: true });
      writeFileSync(windows.system.temporary, '');
      expect((await attempt()).problem?.code).toBe('ssh-no-folder');
    });

    describe('cancelled', () => {
      const reason = new OutrunnerError('ssh-install-cancelled', { detail: 'It was cancelled.' });

      it.each(['detect', 'upload', 'verify', 'start'] as const)('in the step %s it leaves nothing', async (at) => {
        const abort = new AbortController();
        const tell: SshInstallPorts['tell'] = (step) => {
          if (step === at) abort.abort(reason);
        };
        const { problem } = await attempt({ signal: abort.signal, ports: { tell } });
        expect(problem).toBe(reason);
        expect(existsSync(inHome('whole'))).toBe(at === 'start');
        await expectCleanAndRepeatable();
      });

      it('while the script runs, it waits for the script to come to its end, and then leaves nothing', async () => {
        const abort = new AbortController();
        const running = attempt({ signal: abort.signal, source: sourceOf(smallZip(SLOW)) });
        await expect.poll(() => existsSync(inHome('begun'))).toBe(true);
        abort.abort(reason);
        await Promise.resolve();
        expect(windows.leftovers()).toHaveLength(1);
        writeFileSync(inHome('go'), '');
        const { problem, states, steps } = await running;
        expect([problem, existsSync(inHome('whole'))]).toEqual([reason, true]);
        expect(states).toEqual(['detect done', 'upload done', 'verify done', 'install failed', 'clean done']);
        expect(steps.install?.detail).toBe('It was cancelled.');
        await expectCleanAndRepeatable();
      });

      it('it waits a quarter of an hour, and removes the folder later when the script ends', async () => {
        const abort = new AbortController();
        const clock = manualClock();
        const waits = Promise.withResolvers<void>();
        const steps: Record<string, StepEvent> = {};
        const tell: SshInstallPorts['tell'] = (step, event) => {
          steps[step] = event;
          if (event.detail === 'install.ps1 comes to its end…') waits.resolve();
        };
        const running = attempt({ signal: abort.signal, source: sourceOf(smallZip(SLOW)), ports: { clock, tell } });
        await expect.poll(() => existsSync(inHome('begun'))).toBe(true);
        abort.abort(reason);
        await waits.promise;
        await Promise.resolve();
        clock.advance(15 * 60_000);
        expect((await running).problem).toBe(reason);
        expect(steps.clean).toMatchObject({ state: 'left', detail: expect.stringContaining('install.ps1 still runs') });
        expect(windows.leftovers()).toHaveLength(1);
        writeFileSync(inHome('go'), '');
        await expect.poll(() => windows.leftovers()).toEqual([]);
      });
    });

    it('removes what killed installations left a quarter of an hour ago, and never anything else', async () => {
      const clock = manualClock();
      const seconds = clock.now() / 1000;
      mkdirSync(windows.system.temporary);
      const place = (name: string, minutes: number) => {
        const path = join(windows.system.temporary, name);
        mkdirSync(path);
        writeFileSync(join(path, 'package.zip'), 'token');
        utimesSync(path, seconds - minutes * 60, seconds - minutes * 60);
      };
      place(OLD_NAME, 15);
      place(OLD_NAME.replace('0', '1'), 14.9);
      place(OLD_NAME.replace('0', '2'), -60);
      place(`${OLD_NAME}0`, 10_000);
      place(`x${OLD_NAME}`, 10_000);
      place('outrunner-install', 10_000);
      place('outrunner.abc', 10_000);
      symlinkSync(windows.home, join(windows.system.temporary, OLD_NAME.replace('0', '3')));
      writeFileSync(join(windows.system.temporary, OLD_NAME.replace('0', '4')), '');
      const before = windows.leftovers();
      expect((await attempt({ ports: { clock } })).problem).toBeNull();
      expect(windows.leftovers().sort()).toEqual(before.filter((name) => name !== OLD_NAME).sort());
      expect(existsSync(windows.home)).toBe(true);
    });

    it('says, as long as it lasts, that its folder is used: no other installation removes it', async () => {
      const clock = manualClock();
      let began = Promise.withResolvers<void>();
      const end = Promise.withResolvers<string>();
      const checkedIn = () => {
        began.resolve();
        return end.promise;
      };
      const running = attempt({ ports: { clock, checkedIn } });
      await began.promise;
      const [mine = ''] = windows.leftovers();
      const age = () => clock.now() - lstatSync(join(windows.system.temporary, mine)).mtimeMs;
      for (let minute = 0; minute < 20; minute += 1) {
        clock.advance(60_000);
        await expect.poll(age).toBe(0);
      }
      began = Promise.withResolvers();
      expect((await attempt({ ports: { clock } })).problem).toBeNull();
      expect(windows.leftovers()).toEqual([mine]);
      end.resolve('Checked in.');
      expect((await running).problem).toBeNull();
      expect(windows.leftovers()).toEqual([]);
    });
  },
);
