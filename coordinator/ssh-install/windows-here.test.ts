import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type SshInstall, SshInstallSchema } from '../../protocol/api/ssh-installs.ts';
import { RunnerConfigSchema } from '../../protocol/enrolment.ts';
import { enrolSimulated, SimulatedAgent } from '../testing/simulated-agent.ts';
import { writeSmallRelease } from '../testing/small-release.ts';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';
import { StandInWindows } from '../testing/windows-stand-in.ts';

/** Stands for the agent in the package: keeps its configuration as a service does, and waits until the test lets it go. */
const STAND_IN = `#!/bin/sh
echo "service: $*"
touch "$USERPROFILE/begun"
while [ -e "$USERPROFILE/wait" ]; do sleep 0.05; done
cp "$4" "$USERPROFILE/runner.json"
`;

describe.skipIf(process.platform === 'win32')(
  'running on Windows by the API, with a stand-in for PowerShell (needs a POSIX shell)',
  () => {
    let agentsDir: string;
    let windows: StandInWindows;
    let whole: WholeCoordinator;
    beforeAll(async () => {
      agentsDir = await mkdtemp(join(tmpdir(), 'outrunner-agents-'));
      await writeSmallRelease(agentsDir, Buffer.from(STAND_IN), ['win-x64']);
    });
    afterAll(() => rm(agentsDir, { recursive: true }));
    beforeEach(async () => {
      windows = new StandInWindows();
      whole = await startWhole({ settings: { agentsDir }, here: windows.computer() });
    });
    afterEach(async () => {
      // A coordinator that stops waits for a script that runs, also after a test that failed.
      await rm(inHome('wait'), { force: true });
      await whole.stop();
      windows.remove();
    });

    const inHome = (name: string) => join(windows.home, name);
    const begin = async (request: Record<string, unknown> = {}) => {
      const { body } = await whole.call('createRunner', { body: newRunner('desk') });
      const runner = String(body.runner.id);
      const answer = await whole.call('installHere', { params: { id: runner }, body: request });
      return { runner, status: answer.status, id: SshInstallSchema.parse(answer.body).id };
    };
    const until = async (id: string, fits: (install: SshInstall) => boolean): Promise<SshInstall> => {
      for (;;) {
        const install = SshInstallSchema.parse((await whole.call('getSshInstall', { params: { id } })).body);
        if (fits(install)) return install;
      }
    };
    const ended = (id: string) => until(id, ({ endedAt }) => endedAt !== null);
    const runs = (name: string) => (install: SshInstall) =>
      install.steps.some(({ step, state }) => step === name && state === 'running');

    it('installs the real package, whose token lies in one file alone, and ends with the first check-in', async () => {
      writeFileSync(inHome('wait'), '');
      const { runner, status, id } = await begin({ proxy: 'http://proxy:1' });
      await expect.poll(() => existsSync(inHome('begun'))).toBe(true);
      const [folder = ''] = windows.leftovers();
      const unpacked = join(windows.system.temporary, folder, 'package');
      const files = readdirSync(unpacked).sort();
      expect(files).toEqual([
        'LICENSES.txt',
        'README.txt',
        'install.ps1',
        'outrunner-agent.exe',
        'release.json',
        'release.sig',
        'release.signed',
        'release.sshsig',
        'runner.json',
        'start.ps1',
      ]);
      expect(readdirSync(join(windows.system.temporary, folder))).toEqual(['package']);
      expect(readFileSync(join(unpacked, 'outrunner-agent.exe'), 'utf8')).toBe(STAND_IN);
      const config = RunnerConfigSchema.parse(JSON.parse(readFileSync(join(unpacked, 'runner.json'), 'utf8')));
      const token = config.enrolment?.token ?? expect.fail('there is no token');
      const withToken = files.filter((name) => readFileSync(join(unpacked, name), 'latin1').includes(token));
      expect([withToken, JSON.stringify(windows.seen()).includes(token)]).toEqual([['runner.json'], false]);
      await rm(inHome('wait'));
      await until(id, runs('start'));
      const agent = new SimulatedAgent(await enrolSimulated(whole.url, runner, token));
      await agent.connect();
      whole.clock.advance(1000);
      const end = await ended(id);
      expect(end).toMatchObject({
        from: 'coordinator',
        where: 'here',
        host: 'DESK',
        mode: 'user',
        platform: 'win-x64',
      });
      expect([status, end.state, end.problem]).toEqual([202, 'succeeded', null]);
      expect(end.output.at(-1)).toMatch(
        /^service: service install --config .*runner\.json --user --name outrunner-agent$/,
      );
      expect(existsSync(inHome('runner.json'))).toBe(true);
      expect(windows.leftovers()).toEqual([]);
      agent.kill();
    });

    it('is cancelled while the script runs: the script ends whole, and nothing but it is left', async () => {
      writeFileSync(inHome('wait'), '');
      const { id } = await begin({ start: false });
      await expect.poll(() => existsSync(inHome('begun'))).toBe(true);
      await whole.call('cancelSshInstall', { params: { id } });
      await until(id, runs('clean'));
      await rm(inHome('wait'));
      expect((await ended(id)).problem?.code).toBe('ssh-install-cancelled');
      expect([existsSync(inHome('runner.json')), windows.leftovers()]).toEqual([true, []]);
    });

    it('says what is not built, before anything lies on this computer', async () => {
      await whole.stop();
      await rm(join(agentsDir, 'empty'), { recursive: true, force: true });
      whole = await startWhole({ settings: { agentsDir: join(agentsDir, 'empty') }, here: windows.computer() });
      const { id } = await begin();
      expect((await ended(id)).problem?.code).toBe('package-missing');
      expect(existsSync(windows.system.temporary)).toBe(false);
    });
  },
);
