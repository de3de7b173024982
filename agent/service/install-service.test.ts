import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../protocol/clock.ts';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { layoutOf } from '../installation/layout.ts';
import { ProgramFolder } from '../installation/program-folder.ts';
import { runAgentProgram } from '../testing/agent-process.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { type InstallRequest, installService, type ServiceDeps } from './install-service.ts';
import { NoManager } from './no-manager.ts';
import { Tools } from './tools.ts';
import { uninstallService } from './uninstall-service.ts';

const CONFIG = {
  version: 1,
  coordinator: { url: 'https://coordinator.example', publicKey: 'A'.repeat(43) },
  runner: { id: '11111111-1111-4111-8111-111111111111', name: 'Database' },
  enrolment: { token: `ore_${'a'.repeat(43)}`, expiresAt: '' },
};

/** A home in which scripts that answer like an agent are installed for one person. */
async function home() {
  const folder = await temporaryFolder();
  const layout = layoutOf({
    platform: 'linux',
    scope: 'user',
    name: 'outrunner-agent',
    home: join(folder, 'a höme'),
    env: {},
  });
  const told: string[] = [];
  const deps: ServiceDeps = {
    clock: systemClock(),
    tools: new Tools(['/usr/bin', '/bin']),
    layout,
    manager: new NoManager(),
    say: (line) => told.push(line),
  };
  const config = join(folder, 'runner.json');
  await writeFile(config, JSON.stringify(CONFIG));
  const install = async (version: string, script = `echo ${version}`, change: Partial<InstallRequest> = {}) => {
    const executable = join(folder, `agent-${version}`);
    await writeFile(executable, `#!/bin/sh\n# ${version}\n${script}\n`);
    await chmod(executable, 0o755);
    const standard = { start: false, replace: false, sudo: null, path: null, waitMs: 0 };
    await installService(deps, { executable, version, config, ...standard, ...change });
  };
  const program = new ProgramFolder(layout.program);
  return { folder, layout, deps, told, config, install, program };
}

test('a newer version takes the place of an older one, an older one does not take that of a newer', async () => {
  const { install, program, told, layout } = await home();
  await install('1.0.0');
  const first = await program.current();
  await install('1.1.0');
  const second = await program.current();
  expect([first, second]).toEqual([expect.stringMatching(/^1\.0\.0-/), expect.stringMatching(/^1\.1\.0-/)]);
  expect(await program.previous()).toBe(first);
  await install('1.0.0');
  expect(await program.current()).toBe(second);
  expect(told).toContain('Version 1.1.0 is in use, which is newer than this one (1.0.0); it stays.');
  expect(JSON.parse(await readFile(layout.config, 'utf8'))).toEqual(CONFIG);
});

test('a version that does not start takes nothing away: of a host that had none, and of one that had', async () => {
  const { install, program, folder, layout } = await home();
  const broken = expect.objectContaining({ exitCode: AGENT_EXIT.serviceFailed }) as Error;
  await expect(install('1.0.0', 'echo "it is broken" >&2; exit 3')).rejects.toThrow(broken);
  expect(existsSync(layout.state) || existsSync(layout.config) || existsSync(layout.launcher)).toBe(false);
  await install('1.0.0');
  const works = await program.current();
  await writeFile(join(folder, 'runner.json'), JSON.stringify({ ...CONFIG, proxy: 'http://proxy:3128' }));
  await expect(install('1.1.0', 'exit 3')).rejects.toThrow('does not start in');
  expect(await program.current()).toBe(works);
  expect(JSON.parse(await readFile(layout.config, 'utf8'))).toEqual(CONFIG);
});

test('certificates that the package names by a path are in the configuration of the service', async () => {
  const { folder, install, layout } = await home();
  const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
  await writeFile(join(folder, 'our ca.pem'), pem);
  await writeFile(join(folder, 'runner.json'), JSON.stringify({ ...CONFIG, ca: 'our ca.pem' }));
  await install('1.0.0');
  expect(JSON.parse(await readFile(layout.config, 'utf8'))).toMatchObject({ ca: pem });
});

test('a package that is not right changes nothing', async () => {
  const { install, layout, config } = await home();
  await writeFile(config, '{"version": 1}');
  await expect(install('1.0.0')).rejects.toThrow(
    expect.objectContaining({ exitCode: AGENT_EXIT.configuration }) as Error,
  );
  expect(existsSync(layout.state) || existsSync(layout.configFolder) || existsSync(layout.launcherFolder)).toBe(false);
});

test('with no service manager it ends with the command that starts it, and that command does', async () => {
  const { install, layout } = await home();
  const line = await install('1.0.0', 'echo "$@" > "$0.started"', { start: true }).catch((error: unknown) =>
    error instanceof Error && 'line' in error ? String(error.line) : String(error),
  );
  expect(line).toContain('no service manager');
  const command = /Start it with: (.*)$/.exec(line ?? '')?.[1] ?? '';
  expect(await new Tools(['/bin']).run('sh', ['-c', command])).toMatchObject({ code: 0 });
  const program = new ProgramFolder(layout.program);
  const started = await readFile(`${program.executableOf((await program.current()) ?? '')}.started`, 'utf8');
  expect(started).toBe(`run --config ${layout.config} --state ${layout.state}\n`);
});

test('a folder of something else is let alone', async () => {
  const { deps, layout } = await home();
  const other = { ...layout, name: 'other' };
  await mkdir(layout.configFolder, { recursive: true });
  await writeFile(join(layout.configFolder, 'somebody.conf'), '');
  const request = { executable: '/bin/true', version: '1.0.0', config: '', start: false };
  const whole = { ...request, replace: false, sudo: null, path: null, waitMs: 0 };
  await expect(installService({ ...deps, layout: other }, whole)).rejects.toThrow("is not a Runner's");
});

test('uninstalling twice is no mistake, and keeps what it shall keep', async () => {
  const { install, deps, layout } = await home();
  await install('1.0.0');
  await uninstallService(deps, { purge: false });
  expect(await readdir(layout.configFolder)).toEqual(['runner.json']);
  expect(existsSync(layout.program) || existsSync(layout.launcherFolder)).toBe(false);
  await uninstallService(deps, { purge: true });
  expect(existsSync(layout.configFolder) || existsSync(layout.state)).toBe(false);
  await uninstallService(deps, { purge: true });
});

test.each([
  [['service', 'install', '--user'], AGENT_EXIT.serviceRefused, 'Only the packed executable can be installed'],
  [['service', 'status', '--name', '../x'], AGENT_EXIT.usage, 'cannot be the name of a service'],
  [['service', 'install', '--wait', 'long'], AGENT_EXIT.usage, '--wait takes whole seconds'],
  [['service', 'restart'], AGENT_EXIT.usage, 'unknown command'],
  [['service', 'start', '--user'], AGENT_EXIT.serviceAbsent, 'There is no service "outrunner-agent" for you.'],
  [['service', 'status', '--user'], AGENT_EXIT.serviceAbsent, ''],
] as const)('from the sources, %j ends with %i', async (args, code, line) => {
  const folder = await temporaryFolder();
  const program = runAgentProgram(args, { cwd: folder, env: { HOME: folder } });
  expect([await program.exited, program.stderr()]).toEqual([code, expect.stringContaining(line)]);
});
