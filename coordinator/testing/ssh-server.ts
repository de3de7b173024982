import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why a real OpenSSH server cannot be had here; null when it can. */
export const NO_SSH_SERVER = whyNone();

function whyNone(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it takes root on Linux';
  const missing = ['/usr/sbin/sshd', '/usr/bin/sudo', '/usr/bin/unshare'].find((file) => !existsSync(file));
  return missing === undefined ? null : `there is no ${missing}`;
}

const CODE_MODULE = 'pam_google_authenticator.so';

/** Why no host can ask for a one-time code here; null when one can. */
export const NO_CODES =
  NO_SSH_SERVER ??
  (['x86_64', 'aarch64'].some((machine) => existsSync(`/usr/lib/${machine}-linux-gnu/security/${CODE_MODULE}`))
    ? null
    : `there is no ${CODE_MODULE}`);

/** Users of the test's host. The password of each is its name followed by `-secret`. */
export const SSH_USERS = {
  root: { uid: 0, what: 'root' },
  plain: { uid: 4001, what: 'may not use sudo' },
  asked: { uid: 4002, what: 'may use sudo with the password' },
  free: { uid: 4003, what: 'may use sudo without one' },
  /** Its `uname -m` says `riscv64`. */
  riscv: { uid: 4004, what: 'is on a machine that nothing is built for' },
  /** Its PATH has no sudo. */
  bare: { uid: 4005, what: 'is on a host without sudo' },
  /** Its login shell is the C shell of busybox-less hosts: none; here one that prints at its start. */
  noisy: { uid: 4006, what: 'has a shell that prints at its start' },
} as const;
export type SshUser = keyof typeof SSH_USERS;

export interface SshServer {
  readonly port: number;
  /** A private key that every user may sign in with. */
  readonly privateKey: string;
  /** The same key under the passphrase `open sesame`. */
  readonly encryptedKey: string;
  readonly publicKey: string;
  /** Fingerprint of the host key, as `ssh-keygen -l` says it. */
  readonly fingerprint: string;
  /** A path of the host, as this machine sees it. */
  at(path: string): string;
  /** Names in its `/tmp`, `/var/tmp` and homes that an installation could have left there. */
  leftovers(): string[];
  /** Kills the processes of the server that carry connections. */
  killSessions(): void;
  /** The one-time code that a host with `codes` asks for now, as an app on a phone shows it. */
  code(): string;
  /** Runs a command on the host as root. */
  sh(command: string): string;
  /** Starts a program on the host as one of its users. Whoever starts it ends it. */
  start(user: SshUser, command: string): ChildProcess;
  stop(): Promise<void>;
}

export interface SshServerOptions {
  readonly port?: number;
  /** Size of its /tmp; /var/tmp and homes are as small with `allSmall`. */
  readonly tmpSize?: string;
  readonly allSmall?: boolean;
  readonly noexec?: boolean;
  /** It asks by PAM, and never otherwise: the password, and after it a one-time code. Needs {@link NO_CODES} to be null. */
  readonly codes?: boolean;
  /** More lines for its configuration. */
  readonly config?: readonly string[];
}

/**
 * An OpenSSH server on loopback with its own users, host key, /tmp and homes, in a mount namespace of its own: nothing of
 * this machine changes.
 */
export async function startSshServer(options: SshServerOptions = {}): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), 'outrunner-sshd-'));
  const port = options.port ?? (await freePort());
  const inside = '/run/outrunner-sshd';
  writeKeys(folder);
  writeAccounts(folder);
  const secret = randomBytes(20);
  writeCodes(folder, inside, secret);
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${inside}/host_key`,
    `AuthorizedKeysFile ${inside}/user_key.pub`,
    'StrictModes no',
    ...(options.codes === true
      ? ['UsePAM yes', 'PasswordAuthentication no', 'KbdInteractiveAuthentication yes']
      : ['UsePAM no', 'PasswordAuthentication yes', 'KbdInteractiveAuthentication no']),
    'PermitRootLogin yes',
    'PidFile none',
    'LogLevel ERROR',
    'UseDNS no',
    'MaxStartups 100',
    ...(options.config ?? []),
    'Match User riscv',
    `  SetEnv PATH=${inside}/riscv:/usr/bin:/bin`,
    'Match User bare',
    `  SetEnv PATH=${inside}/bare`,
  ];
  writeFileSync(join(folder, 'sshd_config'), `${config.join('\n')}\n`);
  const small = options.tmpSize ?? '64m';
  const large = options.allSmall === true ? small : '64m';
  const mode = options.noexec === true ? ',noexec' : '';
  const script = [
    'set -e',
    'mount --make-rprivate /',
    'mount -t tmpfs -o mode=755 tmpfs /run',
    `cp -a "$1" ${inside} && chmod 755 ${inside} && mkdir -p /run/sshd`,
    `for file in passwd shadow group sudoers; do mount --bind ${inside}/$file /etc/$file; done`,
    `mount --bind ${inside}/pam /etc/pam.d/sshd`,
    `mount -t tmpfs -o mode=1777,size=${small}${mode} tmpfs /tmp`,
    `mount -t tmpfs -o mode=1777,size=${large} tmpfs /var/tmp`,
    `mount -t tmpfs -o mode=755,size=${large} tmpfs /home`,
    `mount -t tmpfs -o mode=700,size=${large} tmpfs /root`,
    ...Object.entries(SSH_USERS)
      .filter(([, { uid }]) => uid > 0)
      .map(([name, { uid }]) => `mkdir -m 700 /home/${name} && chown ${uid}:${uid} /home/${name}`),
    `exec /usr/sbin/sshd -D -e -f ${inside}/sshd_config`,
  ].join('\n');
  const child = spawn('/usr/bin/unshare', ['--mount', '/bin/sh', '-c', script, 'sshd', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  try {
    await untilItListens(port, child, () => said);
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const root = `/proc/${child.pid}/root`;
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  return {
    port,
    privateKey: read('user_key'),
    encryptedKey: read('encrypted_key'),
    publicKey: read('user_key.pub'),
    fingerprint: keygen(['-l', '-f', join(folder, 'host_key.pub')]).split(' ')[1] ?? '',
    at: (path) => join(root, path),
    leftovers: () =>
      ['/tmp', '/var/tmp', '/root', ...Object.keys(SSH_USERS).map((name) => `/home/${name}`)].flatMap((place) =>
        existsSync(join(root, place))
          ? readdirSync(join(root, place))
              .filter((name) => name.startsWith('outrunner.'))
              .map((name) => `${place}/${name}`)
          : [],
      ),
    code: () => oneTimeCode(secret),
    sh: (command) =>
      execFileSync('/usr/bin/nsenter', ['--mount', `--target=${child.pid}`, '/bin/sh', '-c', command], {
        encoding: 'utf8',
      }),
    start(user, command) {
      const { uid } = SSH_USERS[user];
      const home = uid === 0 ? '/root' : `/home/${user}`;
      const as = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '/bin/sh', '-c', `exec ${command}`];
      return spawn(
        '/usr/bin/nsenter',
        ['--mount', `--target=${child.pid}`, `--wd=/proc/${child.pid}/root/tmp`, ...as],
        {
          env: { PATH: '/usr/bin:/bin', HOME: home, USER: user },
          stdio: 'ignore',
        },
      );
    },
    killSessions() {
      for (const pid of childrenOf(child.pid)) process.kill(pid, 'SIGKILL');
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text
    .split(' ')
    .filter((one) => one !== '')
    .map(Number);
}

function keygen(args: readonly string[]): string {
  return execFileSync('/usr/bin/ssh-keygen', [...args], { encoding: 'utf8' });
}

function writeKeys(folder: string): void {
  keygen(['-q', '-t', 'ed25519', '-N', '', '-C', 'host', '-f', join(folder, 'host_key')]);
  keygen(['-q', '-t', 'ed25519', '-N', '', '-C', 'user', '-f', join(folder, 'user_key')]);
  writeFileSync(join(folder, 'encrypted_key'), readFileSync(join(folder, 'user_key')), { mode: 0o600 });
  keygen(['-q', '-p', '-P', '', '-N', 'open sesame', '-f', join(folder, 'encrypted_key')]);
  chmodSync(join(folder, 'user_key.pub'), 0o644);
}

function writeAccounts(folder: string): void {
  const names = Object.entries(SSH_USERS);
  const home = (name: string, uid: number) => (uid === 0 ? '/root' : `/home/${name}`);
  const write = (name: string, lines: readonly string[], fileMode: number) => {
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`, { mode: fileMode });
    chmodSync(join(folder, name), fileMode);
  };
  const shell = (name: string) => (name === 'noisy' ? '/run/outrunner-sshd/noisy-shell' : '/bin/sh');
  write(
    'passwd',
    [
      ...names.map(([name, { uid }]) => `${name}:x:${uid}:${uid}:${name}:${home(name, uid)}:${shell(name)}`),
      'sshd:x:4100:65534::/run/sshd:/usr/sbin/nologin',
      'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
    ],
    0o644,
  );
  write('group', [...names.map(([name, { uid }]) => `${name}:x:${uid}:`), 'nogroup:x:65534:'], 0o644);
  const hash = (password: string) =>
    execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: password, encoding: 'utf8' }).trim();
  write(
    'shadow',
    [...names.map(([name]) => `${name}:${hash(`${name}-secret`)}:19000:0:99999:7:::`), 'sshd:*:19000::::::'],
    0o600,
  );
  write('sudoers', ['root ALL=(ALL) ALL', 'asked ALL=(ALL) ALL', 'free ALL=(ALL) NOPASSWD: ALL'], 0o440);
  mkdirSync(join(folder, 'riscv'));
  write('riscv/uname', ['#!/bin/sh', 'if [ "$1" = -m ]; then echo riscv64; else exec /usr/bin/uname "$@"; fi'], 0o755);
  write('noisy-shell', ['#!/bin/sh', 'echo "Welcome! Mind the gap: outrunner:"', 'exec /bin/sh "$@"'], 0o755);
  mkdirSync(join(folder, 'bare'));
  for (const program of [
    'sh',
    'uname',
    'id',
    'df',
    'tail',
    'awk',
    'mktemp',
    'chmod',
    'rm',
    'cat',
    'sleep',
    'sha256sum',
    'mkdir',
    'tar',
    'gzip',
  ])
    write(`bare/${program}`, ['#!/bin/sh', `exec /usr/bin/${program} "$@"`], 0o755);
}

function writeCodes(folder: string, inside: string, secret: Buffer): void {
  const rules = [
    'auth requisite pam_unix.so',
    `auth required ${CODE_MODULE} secret=${inside}/codes user=root no_increment_hotp`,
    'account required pam_permit.so',
    'session required pam_permit.so',
  ];
  writeFileSync(join(folder, 'pam'), `${rules.join('\n')}\n`);
  writeFileSync(join(folder, 'codes'), `${base32(secret)}\n" WINDOW_SIZE 5\n" TOTP_AUTH\n`, { mode: 0o400 });
}

function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{5}/g) ?? [])
    .map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)])
    .join('');
}

/** RFC 6238 with its defaults. */
function oneTimeCode(secret: Buffer): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac('sha1', secret).update(counter).digest();
  const at = (hash.at(-1) ?? 0) & 15;
  return String((hash.readUInt32BE(at) & 0x7f_ff_ff_ff) % 1_000_000).padStart(6, '0');
}

/** A port on loopback where nobody listens now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilItListens(port: number, child: ChildProcess, said: () => string): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const answered = await new Promise<boolean>((resolve) => {
      socket.once('data', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
    });
    socket.destroy();
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`sshd did not start: ${said()}`);
}

/** A way to a host that can be cut: at once, or after so many bytes went there. */
export interface CuttableWay {
  readonly port: number;
  /** Cuts what is open, and what comes, until it is mended. */
  cut(): void;
  cutAfter(bytesThere: number): void;
  /** Lets nothing more through after so many bytes went there, until it is mended; it stays open. */
  holdAfter(bytesThere: number): void;
  mend(): void;
  close(): Promise<void>;
}

export async function openCuttableWay(toPort: number): Promise<CuttableWay> {
  const open = new Set<Socket>();
  let left = Number.POSITIVE_INFINITY;
  let passes = Number.POSITIVE_INFINITY;
  const held = new Set<Socket>();
  const cut = () => {
    left = 0;
    for (const socket of open) socket.destroy();
  };
  const server: Server = createServer((from) => {
    const to = connect(toPort, '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    to.pipe(from);
    from.on('data', (bytes: Buffer) => {
      left -= bytes.length;
      passes -= bytes.length;
      if (left <= 0) return cut();
      if (passes <= 0) held.add(from);
      if (!to.write(bytes) || held.has(from)) from.pause();
    });
    to.on('drain', () => {
      if (!held.has(from)) from.resume();
    });
    if (left <= 0) from.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    cutAfter: (bytes) => {
      left = bytes;
    },
    holdAfter: (bytes) => {
      passes = bytes;
    },
    mend: () => {
      left = Number.POSITIVE_INFINITY;
      passes = Number.POSITIVE_INFINITY;
      for (const socket of held) socket.resume();
      held.clear();
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
