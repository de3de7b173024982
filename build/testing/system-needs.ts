import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findChromium } from '../find-chromium.ts';

/** Something that tests need from the machine and npm cannot bring. */
interface SystemNeed {
  readonly name: string;
  /** For people who cannot let us install it. */
  readonly usedFor: string;
  /** Packages of Debian and its relatives that bring it. */
  readonly packages: readonly string[];
  /** Whether this host can have it at all; a need of another system is none here. */
  readonly applies: boolean;
  isThere(): boolean;
}

const linux = process.platform === 'linux';

const NEEDS: readonly SystemNeed[] = [
  {
    name: 'Chromium',
    usedFor: 'component tests and the tests of the whole',
    packages: ['chromium'],
    applies: true,
    isThere: () => findChromium() !== undefined,
  },
  {
    name: 'fonts',
    usedFor: 'pages that have text',
    packages: ['fonts-dejavu-core', 'fonts-liberation'],
    applies: linux,
    isThere: () => existsSync('/usr/share/fonts/truetype'),
  },
  { ...program('unzip', 'reading .zip packages'), applies: process.platform !== 'win32', packages: ['unzip'] },
  { ...program('openssl', 'certificates for TLS tests'), applies: linux, packages: ['openssl'] },
  { ...program('osslsigncode', 'signatures of Windows executables'), applies: linux, packages: ['osslsigncode'] },
  {
    ...program('softhsm2-util', 'signing for Windows with a key in a token'),
    applies: linux,
    packages: ['softhsm2', 'libengine-pkcs11-openssl'],
  },
  { ...program('squid', 'a real proxy between agent and coordinator'), applies: linux, packages: ['squid'] },
  { ...program('mcs', 'the C# in install.ps1'), applies: linux, packages: ['mono-mcs', 'mono-runtime'] },
  { ...program('mono', 'the C# in install.ps1'), applies: linux, packages: ['mono-runtime'] },
  { ...program('python3', 'the Python in install.sh'), applies: linux, packages: ['python3-minimal'] },
  { ...program('ssh-keygen', 'signatures of SSH'), applies: linux, packages: ['openssh-client'] },
  { ...program('busybox', 'install scripts in the smallest shell'), applies: linux, packages: ['busybox'] },
  { ...program('rpm', 'reading .rpm packages'), applies: linux, packages: ['rpm', 'rpm2cpio', 'cpio'] },
  { ...program('cpio', 'reading .rpm packages'), applies: linux, packages: ['cpio'] },
  { ...program('nft', 'a firewall in front of an agent'), applies: linux, packages: ['nftables'] },
  { ...program('ip', 'network namespaces'), applies: linux, packages: ['iproute2'] },
  { ...program('tc', 'a slow link'), applies: linux, packages: ['iproute2'] },
  { ...program('sshd', 'installations over SSH'), applies: linux, packages: ['openssh-server', 'openssh-client'] },
  { ...program('sudo', 'installations over SSH by who is not root'), applies: linux, packages: ['sudo'] },
  { ...program('podman', 'the agent in a container'), applies: linux, packages: ['podman', 'crun'] },
  {
    name: 'pam_google_authenticator',
    usedFor: 'installations over SSH on hosts that ask for a one-time code',
    packages: ['libpam-google-authenticator'],
    applies: linux,
    isThere: () =>
      ['x86_64', 'aarch64'].some((machine) =>
        existsSync(`/usr/lib/${machine}-linux-gnu/security/pam_google_authenticator.so`),
      ),
  },
  { ...program('mount', 'a disk that is full'), applies: linux, packages: ['mount'] },
];

function program(name: string, usedFor: string): Pick<SystemNeed, 'name' | 'usedFor' | 'isThere'> {
  // Administrators' programs are often not in the PATH of others.
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...(linux ? ['/usr/sbin', '/sbin'] : [])];
  return { name, usedFor, isThere: () => folders.some((folder) => folder !== '' && existsSync(join(folder, name))) };
}

/**
 * Looks for what the tests need from the machine. As root on Debian and its relatives it installs what is missing, and says
 * so; elsewhere it says what to install. Tests that can do without then skip with that reason; the others fail.
 */
export function provideSystemNeeds(report: (line: string) => void): void {
  const missing = NEEDS.filter((need) => need.applies && !need.isThere());
  if (missing.length === 0) return;
  const packages = missing.flatMap((need) => need.packages);
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    for (const need of missing) report(`missing: ${need.name}, for ${need.usedFor}`);
    if (linux)
      report(`install them, on Debian with: sudo apt-get install --no-install-recommends ${packages.join(' ')}`);
    return;
  }
  report(`installing ${packages.join(', ')} with apt-get, for ${missing.map((need) => need.usedFor).join('; ')}`);
  aptGet(['update']);
  aptGet(['install', '--yes', '--no-install-recommends', ...packages]);
  const still = missing.filter((need) => !need.isThere());
  if (still.length > 0) throw new Error(`apt-get installed ${packages.join(', ')}, yet there is no ${still[0]?.name}`);
}

function aptGet(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const result = spawnSync('apt-get', ['--quiet', '--quiet', ...args], { env, encoding: 'utf8' });
  if (result.status === 0) return;
  throw new Error(`apt-get ${args.join(' ')} failed (exit ${result.status}):\n${result.stdout}${result.stderr}`);
}

/** For the first lines of a test run: what it ran with. */
export function describeMachine(): string {
  const chromium = findChromium();
  const version = chromium ? versionOf(chromium) : 'no Chromium';
  return `Node ${process.versions.node} on ${process.platform}-${process.arch}, ${version}`;
}

function versionOf(path: string): string {
  // Chrome on Windows has no --version that prints.
  if (process.platform === 'win32') return path;
  return execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
