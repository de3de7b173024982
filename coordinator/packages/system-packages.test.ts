import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunnerConfigSchema } from '../../protocol/enrolment.ts';
import type { PackageFormat } from '../../protocol/package-options.ts';
import { writeSmallRelease } from '../testing/small-release.ts';
import { releaseFolder } from './release-folder.ts';
import { runnerPackage } from './runner-package.ts';

/** Debian's and Red Hat's own tools read what we write: dpkg, rpm, cpio. */

/** Stands for the agent: remembers how it was called, keeps its state as the agent does, and fails when it is told to. */
const STAND_IN = `#!/bin/sh
echo "$@" >>/var/tmp/agent-was-called
[ ! -e /var/tmp/agent-fails ] || exit 12
case $2 in
  install) mkdir -p /etc/outrunner-agent /var/lib/outrunner-agent /opt/outrunner-agent; cp "$4" /etc/outrunner-agent/ ;;
esac
exit 0
`;
const has = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const canReadDeb = has('dpkg-deb', '--version');
const canReadRpm = has('rpm', '--version') && has('cpio', '--version');
const isLinuxRoot = process.platform === 'linux' && process.getuid?.() === 0 && process.arch === 'x64';

let base: string;
const executable = Buffer.concat([Buffer.from(STAND_IN), Buffer.from('#'), randomBytes(200_000)]);
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'outrunner-system-packages-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

/** The executable filled up with zeros to whole blocks, as the build does for Linux. */
const filled = Buffer.concat([executable, Buffer.alloc(512 - (executable.length % 512))]);

async function made(format: PackageFormat, name = 'lab', version = '1.2.3'): Promise<string> {
  const agents = await mkdtemp(join(base, 'agents-'));
  await writeSmallRelease(agents, filled, ['linux-x64'], version);
  const { archive, fileName } = await runnerPackage(
    releaseFolder(agents),
    { coordinatorUrl: 'https://coordinator.example', publicKey: 'A'.repeat(43), succession: [], proxy: null, ca: null },
    { id: '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10', name },
    { token: `ore_${'t'.repeat(43)}`, createdAt: 1_700_000_000_000, expiresAt: 1_700_000_001_000 },
    { platform: 'linux-x64', format },
  );
  const path = join(await mkdtemp(join(base, 'made-')), fileName);
  await pipeline(archive.stream(), createWriteStream(path));
  const bytes = await readFile(path);
  expect([bytes.length, sha256(bytes)]).toEqual([archive.size, await archive.sha256()]);
  const { start, end } = archive.executableRange;
  const compressed = await readFile(join(agents, 'linux-x64', 'body.gz'));
  expect(bytes.subarray(start, end + 1).equals(compressed)).toBe(true);
  return path;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const read = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' });

const INSIDE = [
  'usr/lib/outrunner-agent/install.sh',
  'usr/lib/outrunner-agent/outrunner-agent',
  'usr/lib/outrunner-agent/release.json',
  'usr/lib/outrunner-agent/release.sig',
  'usr/lib/outrunner-agent/release.signed',
  'usr/lib/outrunner-agent/release.sshsig',
  'usr/lib/outrunner-agent/runner.json',
  'usr/share/doc/outrunner-agent/LICENSES.txt',
  'usr/share/doc/outrunner-agent/README.txt',
  'usr/share/doc/outrunner-agent/copyright',
];

async function checkUnpacked(folder: string): Promise<void> {
  const path = (name: string) => join(folder, 'usr/lib/outrunner-agent', name);
  expect(sha256(await readFile(path('outrunner-agent')))).toBe(sha256(filled));
  expect((await stat(path('outrunner-agent'))).mode & 0o7777).toBe(0o755);
  expect((await stat(path('runner.json'))).mode & 0o7777).toBe(0o600);
  RunnerConfigSchema.parse(JSON.parse(await readFile(path('runner.json'), 'utf8')));
}

describe.skipIf(!canReadDeb)('a .deb (needs dpkg-deb)', () => {
  it('is one that dpkg reads: fields, scripts, files with their modes', async () => {
    const deb = await made('deb', 'Büro', '1.2.3-rc.1');
    expect(read('dpkg-deb', '--field', deb, 'Package', 'Version', 'Architecture')).toBe(
      'Package: outrunner-agent\nVersion: 1.2.3~rc.1\nArchitecture: amd64\n',
    );
    const files = read('dpkg-deb', '--contents', deb).trimEnd().split('\n');
    const names = files.map((line) => line.split(/\s+/)[5]?.replace('./', '') ?? '');
    expect(names.filter((name) => name !== '' && !name.endsWith('/')).sort()).toEqual(
      [...INSIDE, 'usr/share/doc/outrunner-agent/changelog.gz'].sort(),
    );
    expect(files.every((line) => / (?:root\/root|0\/0) /.test(line))).toBe(true);
    const folder = await mkdtemp(join(base, 'raw-'));
    execFileSync('dpkg-deb', ['--raw-extract', deb, join(folder, 'x')]);
    await checkUnpacked(join(folder, 'x'));
    for (const script of ['postinst', 'prerm', 'postrm']) {
      expect((await stat(join(folder, 'x/DEBIAN', script))).mode & 0o777).toBe(0o755);
      expect(spawnSync('dash', ['-n', join(folder, 'x/DEBIAN', script)]).status).toBe(0);
    }
    expect(read('dpkg-deb', '--ctrl-tarfile', deb)).not.toContain('ore_');
  });

  it('sorts before the release that it leads to', async () => {
    expect(spawnSync('dpkg', ['--compare-versions', '1.2.3~rc.1', 'lt', '1.2.3']).status).toBe(0);
  });
});

describe.skipIf(!canReadRpm)('an .rpm (needs rpm and cpio)', () => {
  it('is one that rpm reads and whose hashes it finds right', async () => {
    const rpm = await made('rpm', 'Büro', '1.2.3-rc.1');
    const query = read('rpm', '--query', '--package', '--info', rpm);
    expect(query).toMatch(/Name +: outrunner-agent\nVersion +: 1\.2\.3~rc\.1\nRelease +: 1\nArchitecture: x86_64/);
    expect(query).toContain('Outrunner coordinator');
    expect(read('rpm', '--checksig', '--verbose', rpm)).toMatch(
      /Header SHA256 digest: OK[\s\S]*Payload SHA256 digest: OK/,
    );
    expect(read('rpm', '-qp', '--requires', rpm)).toContain('glibc >= 2.28');
    expect(read('rpm', '-qp', '--scripts', rpm)).toContain('install.sh --uninstall');
    const files = read('rpm', '-qp', '--queryformat', '[%{FILEMODES:perms} %{FILENAMES}\n]', rpm).trimEnd().split('\n');
    expect(files.filter((line) => line.startsWith('-')).map((line) => line.split(' /')[1])).toEqual([...INSIDE].sort());
    expect(files).toContain('-rw------- /usr/lib/outrunner-agent/runner.json');
    const folder = await mkdtemp(join(base, 'cpio-'));
    const payload = execFileSync('rpm2cpio', [rpm], { maxBuffer: 1 << 28 });
    execFileSync('cpio', ['--extract', '--make-directories', '--preserve-modification-time', '--quiet'], {
      cwd: folder,
      input: payload,
    });
    await checkUnpacked(folder);
  });

  it('is found wrong by rpm when a byte of it was changed', async () => {
    const rpm = await made('rpm');
    const bytes = await readFile(rpm);
    for (const at of [bytes.length - 100, Math.floor(bytes.length / 2), 700]) {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
      const path = join(base, 'altered.rpm');
      await writeFile(path, copy);
      expect([at, spawnSync('rpm', ['--checksig', path]).status]).not.toEqual([at, 0]);
    }
  });

  it('is not made of an executable that was built without whole blocks', async () => {
    const agents = await mkdtemp(join(base, 'agents-'));
    await writeSmallRelease(agents, executable, ['linux-x64']);
    const made = runnerPackage(
      releaseFolder(agents),
      {
        coordinatorUrl: 'https://coordinator.example',
        publicKey: 'A'.repeat(43),
        succession: [],
        proxy: null,
        ca: null,
      },
      { id: '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10', name: 'lab' },
      { token: `ore_${'t'.repeat(43)}`, createdAt: 0, expiresAt: 1000 },
      { platform: 'linux-x64', format: 'rpm' },
    );
    await expect(made).rejects.toMatchObject({ code: 'package-missing' });
  });
});

/**
 * Runs a script as root in a copy of this host that nothing of stays: an overlay, in namespaces that end with it. Node and
 * npm are not there, nor is a running systemd.
 */
function inBareRoot(script: string, packages: readonly string[]): { code: number | null; out: string } {
  const outside = `
    set -e
    exec 2>&1
    mount -t tmpfs tmpfs "$1"
    mkdir "$1/upper" "$1/work" "$1/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
    rm -f "$1/root/usr/bin/node" "$1/root/usr/bin/npm" "$1/root/usr/local/bin/node" "$1/root/usr/local/bin/npm"
    mount -t proc proc "$1/root/proc"
    mount --bind /dev "$1/root/dev"
    mount -t tmpfs tmpfs "$1/root/run"
    mkdir "$1/root/packages"
    shift_to=$1; shift
    for file in "$@"; do cp "$file" "$shift_to/root/packages/"; done
    exec chroot "$shift_to/root" sh /packages/script`;
  const path = join(base, 'script');
  execFileSync('sh', ['-c', 'cat >"$1"', 'sh', path], { input: script });
  const folder = execFileSync('mktemp', ['-d', join(base, 'root-XXXXXX')], { encoding: 'utf8' }).trim();
  const done = spawnSync(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', outside, 'sh', folder, path, ...packages],
    {
      encoding: 'utf8',
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C',
        DEBIAN_FRONTEND: 'noninteractive',
      },
    },
  );
  return { code: done.status, out: done.stdout };
}

describe.skipIf(!isLinuxRoot || !canReadDeb)('on a bare host (needs root on Linux x64, and dpkg)', () => {
  it('is installed, brought up to date, removed and purged by dpkg, without systemd and without Node', async () => {
    const first = await made('deb', 'lab', '1.0.0');
    const second = await made('deb', 'lab-two', '1.1.0');
    const { code, out } = inBareRoot(
      `
      set -e
      cd /packages
      called() { cat /var/tmp/agent-was-called; rm /var/tmp/agent-was-called; }
      ! command -v node
      dpkg --install ${first.split('/').at(-1)}
      echo "1 $(called)"
      dpkg --verify outrunner-agent
      echo "state $(stat -c %a /usr/lib/outrunner-agent/runner.json) $(dpkg-query -Wf '\${Status}' outrunner-agent)"
      dpkg --install ${second.split('/').at(-1)}
      echo "2 $(called)"
      dpkg --remove outrunner-agent
      echo "3 $(called)"
      ls -d /etc/outrunner-agent /var/lib/outrunner-agent /usr/lib/outrunner-agent 2>/dev/null || true
      dpkg --purge outrunner-agent
      ls -d /etc/outrunner-agent /var/lib/outrunner-agent /opt/outrunner-agent /usr/lib/outrunner-agent || echo gone
      `,
      [first, second],
    );
    expect([code, out]).toEqual([0, expect.any(String)]);
    const install = 'service install --config /usr/lib/outrunner-agent/runner.json --no-start';
    expect(out).toContain(`1 ${install}\n`);
    expect(out).toContain('SHA-256 and signature are right');
    expect(out).toContain('not started, because systemd does not run here');
    expect(out).toContain('state 600 install ok installed');
    expect(out).toContain(`2 ${install}\n`);
    expect(out).toContain('3 service uninstall\n/etc/outrunner-agent\n/var/lib/outrunner-agent\n');
    expect(out.trimEnd().endsWith('gone')).toBe(true);
  });

  it('fails with the reason when the agent cannot install itself, and can be removed when the agent was altered', async () => {
    const deb = await made('deb');
    const { out } = inBareRoot(
      `
      cd /packages
      touch /var/tmp/agent-fails
      dpkg --install *.deb && echo wrong
      dpkg-query -Wf '\${Status}\\n' outrunner-agent
      rm /var/tmp/agent-fails
      dpkg --configure outrunner-agent && echo mended
      echo x >>/usr/lib/outrunner-agent/outrunner-agent
      dpkg --purge outrunner-agent && echo removed
      `,
      [deb],
    );
    expect(out).toContain('exit status 12');
    expect(out).not.toContain('wrong');
    expect(out).toContain('half-configured');
    expect(out).toMatch(/mended[\s\S]*not what was released[\s\S]*removed without it[\s\S]*removed\n$/);
  });

  it.skipIf(!canReadRpm)('is installed and removed by rpm as well (needs rpm)', async () => {
    const rpm = await made('rpm');
    const { code, out } = inBareRoot(
      `
      set -e
      cd /packages
      called() { cat /var/tmp/agent-was-called; rm /var/tmp/agent-was-called; }
      rpm --initdb
      rpm --install --nodeps *.rpm
      echo "1 $(called)"
      rpm --verify --nodeps outrunner-agent && echo verified
      rpm --erase outrunner-agent
      echo "2 $(called)"
      ls -d /usr/lib/outrunner-agent || echo gone
      `,
      [rpm],
    );
    expect([code, out]).toEqual([0, expect.any(String)]);
    expect(out).toContain('1 service install --config /usr/lib/outrunner-agent/runner.json --no-start\n');
    expect(out).toMatch(/verified[\s\S]*2 service uninstall\n[\s\S]*gone\n/);
  });
});
