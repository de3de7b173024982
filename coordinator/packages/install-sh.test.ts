import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PlatformTarget, RunnerConfigSchema } from '../../protocol/enrolment.ts';
import { targetOfHost } from '../../protocol/release.ts';
import { hasPython } from '../testing/signature-verifiers.ts';
import { writeSmallRelease } from '../testing/small-release.ts';
import { hasSshKeygen } from '../testing/ssh-keygen.ts';
import { releaseFolder } from './release-folder.ts';
import { runnerPackage } from './runner-package.ts';

/**
 * The script as people have it: unpacked from a real package, run by real shells. The executable is a stand-in that says
 * how it was called and ends with the exit code that it is told.
 */
const STAND_IN = `#!/bin/sh
printf '%s\\n' "umask $(umask)" "$@" >"$SAID"
exit "\${STAND_IN_EXIT:-0}"
`;
const target = targetOfHost(process.platform, process.arch);
const runs = process.platform !== 'win32' && target !== undefined && target !== 'win-x64';
const SHELLS = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'ash']].filter(
  ([program = '', ...args]) => spawnSync(program, [...args, '-c', 'true']).status === 0,
);

/** As in OpenSSH 8.0 and before: it makes keys, and knows nothing of signatures. */
const OLD_SSH_KEYGEN = `case $1 in -Y) echo 'unknown option -- Y' >&2; exit 1 ;; esac
PATH='${process.env.PATH ?? ''}' exec ssh-keygen "$@"`;

const NO_PYTHON = process.platform === 'linux' ? ', no Python 3' : '';

let base: string;
let tools: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'outrunner-install sh-'));
  tools = join(base, 'tools');
  await mkdir(tools);
  if (!runs || target === undefined) return;
  await unpack(target, join(base, 'package'));
  const other = target === 'linux-arm64' ? 'linux-x64' : 'linux-arm64';
  await unpack(other, join(base, 'other'));
  await unpack(target, join(base, 'without-ssh'), { sshSignature: undefined });
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function unpack(platform: PlatformTarget, into: string, change: object = {}): Promise<void> {
  const agents = await mkdtemp(join(base, 'agents-'));
  await writeSmallRelease(agents, Buffer.from(STAND_IN), [platform]);
  const manifest = join(agents, 'manifest.json');
  const release: object = JSON.parse(await readFile(manifest, 'utf8'));
  await writeFile(manifest, JSON.stringify({ ...release, ...change }));
  const { archive } = await runnerPackage(
    releaseFolder(agents),
    {
      coordinatorUrl: 'https://coordinator.example',
      publicKey: 'B'.repeat(43),
      // Fields of fields, which the script has to leave alone.
      succession: [
        {
          from: 'A'.repeat(43),
          to: 'B'.repeat(43),
          at: 5,
          signatures: { from: 'C'.repeat(86), to: 'D'.repeat(86) },
        },
      ],
      proxy: null,
      ca: null,
    },
    { id: '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10', name: 'Bü “ro' },
    { token: `ore_${'t'.repeat(43)}`, createdAt: 0, expiresAt: 1000 },
    { platform, format: 'tar.gz' },
  );
  await mkdir(into);
  const packed = join(base, `${platform}.tar.gz`);
  await writeFile(packed, archive.stream());
  const done = spawnSync('tar', ['xzf', packed, '-C', into, '--strip-components=1']);
  expect(done.status).toBe(0);
}

/** A fresh copy of the unpacked package, in a folder whose name needs quoting. */
async function copyOf(name: string): Promise<string> {
  const folder = await mkdtemp(join(base, "it's a “folder” $HOME "));
  await cp(join(base, name), folder, { recursive: true });
  return folder;
}

interface Run {
  readonly shell?: readonly string[];
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

async function install(folder: string, args: readonly string[] = [], { shell = ['sh'], env = {}, cwd }: Run = {}) {
  const [program = 'sh', ...before] = shell;
  const temporary = await mkdtemp(join(base, 'tmp-'));
  const said = join(temporary, 'said');
  const done = spawnSync(program, [...before, join(folder, 'install.sh'), ...args], {
    encoding: 'utf8',
    cwd: cwd ?? base,
    env: { PATH: process.env.PATH, TMPDIR: temporary, SAID: said, ...env },
  });
  const told = await readFile(said, 'utf8').then(
    (text) => text.trimEnd().split('\n'),
    () => null,
  );
  await rm(said, { force: true });
  const left = await readdir(temporary);
  await rm(temporary, { recursive: true });
  return { code: done.status, out: done.stdout, err: done.stderr, told, left };
}

const config = async (folder: string) =>
  RunnerConfigSchema.parse(JSON.parse(await readFile(join(folder, 'runner.json'), 'utf8')));

describe.skipIf(!runs)('install.sh (needs Linux or macOS)', () => {
  it.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
    'checks hash and signature, then has the agent install itself, in %s',
    async (_name, shell) => {
      const folder = await copyOf('package');
      const { code, out, err, told, left } = await install(folder, [], { shell });
      expect({ code, err, told, left }).toEqual({
        code: 0,
        err: '',
        told: [expect.stringContaining('umask'), 'service', 'install', '--config', join(folder, 'runner.json')],
        left: [],
      });
      expect(out).toMatch(/^outrunner: SHA-256 and signature are right \(development key [0-9a-f]{16}\)\.\n$/);
    },
  );

  it.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
    'hands on what it was told, and the exit code of the agent, in %s',
    async (_name, shell) => {
      const folder = await copyOf('package');
      const run: Run = { shell, env: { STAND_IN_EXIT: '12' } };
      const { code, told } = await install(folder, ['--user', '--name=lab-2', '--no-start'], run);
      expect([code, told?.slice(5)]).toEqual([12, ['--no-start', '--user', '--name', 'lab-2']]);
      const removed = await install(folder, ['--uninstall', '--purge', '--name', 'lab-2'], { shell });
      expect([removed.code, removed.told?.slice(1)]).toEqual([
        0,
        ['service', 'uninstall', '--purge', '--name', 'lab-2'],
      ]);
    },
  );

  it('leaves the umask of its caller to the agent', async () => {
    const folder = await copyOf('package');
    const wrapper = join(folder, 'wide.sh');
    await writeFile(wrapper, 'umask 022; exec sh "$(dirname "$0")/install.sh"');
    const { told } = await install(folder, [], { shell: ['sh', wrapper] });
    expect(told?.[0]).toMatch(/^umask 0*22$/);
  });

  it('runs nothing of a package in which anything that is checked was changed', async () => {
    const cases = [
      ['outrunner-agent', flipped, /not what was released/],
      ['outrunner-agent', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('\n')]), /not what was released/],
      ['outrunner-agent', () => null, /outrunner-agent is missing/],
      ['release.signed', flipped, /does not list|signature/],
      ['release.signed', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from(' ')]), /signature of release.signed/],
      ['release.signed', () => Buffer.from('{}'), /does not list/],
      ['release.sig', flipped, /signature of release.signed/],
      ['release.sig', () => null, /release.sig is missing/],
      ['release.sshsig', () => null, /release.sshsig is missing/],
    ] as const;
    for (const [name, how, why] of cases) await refusesChanged(name, how, why);
  });

  describe.skipIf(!hasSshKeygen)('where no openssl knows Ed25519 (needs ssh-keygen of OpenSSH 8.1)', () => {
    it.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
      'checks the signature with ssh-keygen, in %s',
      async (_name, shell) => {
        const run: Run = { shell, env: { PATH: await pathWith({ openssl: 'exit 1' }) } };
        const { code, out, err, told, left } = await install(await copyOf('package'), [], run);
        expect({ code, err, length: told?.length, left }).toEqual({ code: 0, err: '', length: 5, left: [] });
        expect(out).toMatch(/^outrunner: SHA-256 and signature are right \(development key [0-9a-f]{16}\)\.\n$/);
      },
    );

    it('runs nothing when what was signed or the signature was changed, or is by another key', async () => {
      const run: Run = { env: { PATH: await pathWith({ openssl: 'exit 1' }) } };
      const foreign = await readFile(join(base, 'other', 'release.sshsig'));
      const early = (bytes: Buffer) => flipped(bytes, 60);
      const cases = [
        ['release.signed', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from(' ')]), /release.sshsig is wrong/],
        ['release.signed', (bytes: Buffer) => flipped(bytes, 30), /release.sshsig is wrong/],
        ['release.sshsig', early, /release.sshsig is wrong/],
        ['release.sshsig', (bytes: Buffer) => flipped(bytes, bytes.length - 60), /release.sshsig is wrong/],
        ['release.sshsig', () => foreign, /release.sshsig is wrong/],
        ['release.sshsig', () => Buffer.alloc(0), /release.sshsig is wrong/],
        ['release.sshsig', () => null, /release.sshsig is missing/],
        ['outrunner-agent', flipped, /not what was released/],
      ] as const;
      for (const [name, how, why] of cases) await refusesChanged(name, how, why, run);
    });
  });

  describe.skipIf(process.platform !== 'linux' || !hasPython)(
    'on Linux that has neither (needs Linux, python3)',
    () => {
      const withPythonAlone = () => pathWith({ openssl: 'exit 1', 'ssh-keygen': OLD_SSH_KEYGEN });

      it.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
        'checks the signature with Python, in %s',
        async (_name, shell) => {
          const run: Run = { shell, env: { PATH: await withPythonAlone() } };
          const { code, out, err, told, left } = await install(await copyOf('package'), [], run);
          expect({ code, err, length: told?.length, left }).toEqual({ code: 0, err: '', length: 5, left: [] });
          expect(out).toMatch(/^outrunner: SHA-256 and signature are right \(development key [0-9a-f]{16}\)\.\n$/);
        },
      );

      it('runs nothing when what was signed or the signature was changed, or is by another key', async () => {
        const run: Run = { env: { PATH: await withPythonAlone() } };
        const foreign = await readFile(join(base, 'other', 'release.sig'));
        const wrong = /^outrunner: the signature of release.signed is wrong/;
        for (const how of [flipped, () => foreign, () => Buffer.alloc(0)])
          await refusesChanged('release.sig', how, wrong, run);
        await refusesChanged('release.signed', (bytes) => flipped(bytes, 30), wrong, run);
      });
    },
  );

  it.each([
    ['old ones', () => pathWith({ openssl: 'exit 1', 'ssh-keygen': OLD_SSH_KEYGEN, python3: 'exit 1' })],
    ['none', () => pathOf(['sh', 'cat', 'uname', 'mktemp', 'rm', 'dirname', 'grep', 'cut', 'sha256sum'])],
  ])('relies on the hash where nothing can check a signature, and says so: %s', async (_, make) => {
    const folder = await copyOf('package');
    const env = { PATH: await make() };
    const { code, out, told } = await install(folder, [], { env });
    expect([code, told?.length]).toEqual([0, 5]);
    const why = `no openssl here that knows Ed25519, no ssh-keygen of OpenSSH 8.1 or later${NO_PYTHON}`;
    expect(out).toBe(`outrunner: SHA-256 is right. The signature was not checked: ${why}.\n`);
    await writeFile(join(folder, 'outrunner-agent'), 'another');
    expect(await install(folder, [], { env })).toMatchObject({ code: 3, told: null });
  });

  it('does without an SSH signature in a release that was built before there were any, and says so', async () => {
    const folder = await copyOf('without-ssh');
    expect(await readdir(folder)).not.toContain('release.sshsig');
    expect((await install(folder)).out).toMatch(/^outrunner: SHA-256 and signature are right/);
    const env = { PATH: await pathWith({ openssl: 'exit 1', python3: 'exit 1' }) };
    const why = `no openssl here that knows Ed25519, no SSH signature in this release${NO_PYTHON}`;
    expect(await install(folder, [], { env })).toMatchObject({
      code: 0,
      out: `outrunner: SHA-256 is right. The signature was not checked: ${why}.\n`,
    });
  });

  it('says what is wrong with an option before it looks at anything', async () => {
    const folder = await copyOf('package');
    const wrong = [
      [['--nonsense'], /no option --nonsense/],
      [['--name'], /--name needs a value/],
      [['--name', 'Big'], /--name must be/],
      [['--name', '1a'], /--name must be/],
      [['--name', 'a b'], /--name must be/],
      [['--name', 'é'], /--name must be/],
      [['--name', 'a'.repeat(32)], /--name must be/],
      [['--purge'], /goes with --uninstall/],
      [['--proxy', 'ftp://x'], /--proxy must be/],
      [['--proxy', 'http://a"b'], /--proxy must be/],
      [['--proxy', 'http://a\nb'], /--proxy must be/],
      [['--proxy', 'http://a\\b'], /--proxy must be/],
      [['--ca', '/nowhere'], /cannot be read/],
      [['--ca', join(folder, 'install.sh')], /no whole certificate/],
    ] as const;
    for (const [args, why] of wrong) {
      const { code, err, told } = await install(folder, args);
      expect([args, code, told]).toEqual([args, 2, null]);
      expect(err).toMatch(why);
    }
    const help = await install(folder, ['--help']);
    expect([help.code, help.told]).toEqual([0, null]);
    for (const option of ['--user', '--name', '--no-start', '--uninstall', '--purge', '--proxy', '--ca'])
      expect(help.out).toContain(option);
    expect((await install(folder, ['--name', 'a'.repeat(31)])).code).toBe(0);
  });

  it.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
    'writes a proxy and certificates into runner.json, as often as it is told, in %s',
    async (_name, shell) => {
      const folder = await copyOf('package');
      const before = await config(folder);
      const pem = '-----BEGIN CERTIFICATE-----\r\nMIIB+/==\r\n-----END CERTIFICATE-----\r\n';
      await writeFile(join(base, 'ca.pem'), `subject=CN = x\n${pem}`);
      const proxy = "http://u%20s:p$w'`d!&@proxy:3128";
      const first = await install(folder, ['--proxy', proxy, '--ca', 'ca.pem'], { shell });
      expect([first.code, first.err]).toEqual([0, '']);
      const ca = '-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n';
      expect(await config(folder)).toEqual({ ...before, proxy, ca });
      expect((await stat(join(folder, 'runner.json'))).mode & 0o777).toBe(0o600);
      await install(folder, ['--proxy=socks5h://other:1080'], { shell });
      expect(await config(folder)).toEqual({ ...before, proxy: 'socks5h://other:1080', ca });
    },
  );

  it('says for which platform it is on another one, and what to do where the executable does not start', async () => {
    const other = await copyOf('other');
    const { code, err, told } = await install(other);
    expect([code, told]).toEqual([4, null]);
    expect(err).toMatch(
      /^outrunner: this package is for Linux .+; this host is \S+ \S+\. Download the one for it\.\n$/,
    );
    const folder = await copyOf('package');
    const broken = await install(folder, [], { env: { STAND_IN_EXIT: '127' } });
    expect([broken.code, broken.err]).toEqual([127, expect.stringContaining('does not start here')]);
  });

  it('ends with nothing left behind when it is interrupted', async () => {
    const folder = await copyOf('package');
    const path = await pathWith({ grep: 'kill -TERM $PPID' });
    const { code, told, left } = await install(folder, [], { env: { PATH: path } });
    expect([code, told, left]).toEqual([143, null, []]);
  });
});

/** The same package with one file changed, or removed (null), is refused for this reason. */
async function refusesChanged(name: string, how: (bytes: Buffer) => Buffer | null, why: RegExp, run: Run = {}) {
  const folder = await copyOf('package');
  const path = join(folder, name);
  const changed = how(await readFile(path));
  if (changed === null) await rm(path);
  else await writeFile(path, changed);
  const { code, err, told, left } = await install(folder, [], run);
  expect([name, code, told, left]).toEqual([name, 3, null, []]);
  expect(err).toMatch(why);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
}

function flipped(bytes: Buffer, at = bytes.length - 2): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

/** A PATH that has these programs alone. */
async function pathOf(programs: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tools, 'path-'));
  for (const name of programs) {
    const place = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    await symlink(place, join(folder, name));
  }
  return folder;
}

/** A PATH in which some programs are replaced by scripts. */
async function pathWith(programs: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tools, 'path-'));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return `${folder}:${process.env.PATH ?? ''}`;
}
