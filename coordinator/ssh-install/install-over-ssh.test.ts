import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { SshHostKey } from '../../protocol/api/ssh-installs.ts';
import { systemClock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { smallPackage } from '../testing/small-package.ts';
import { NO_SSH_SERVER, openCuttableWay, type SshServer, type SshUser, startSshServer } from '../testing/ssh-server.ts';
import { installOverSsh, type SshInstallRequest } from './install-over-ssh.ts';
import type { PackageSource, SshInstallPorts } from './install-ports.ts';
import { folderCommand } from './remote-commands.ts';
import type { SignIn } from './sign-in.ts';

/** Says what ran, as whom and with what, and leaves it in the home of whom it ran as. */
const GOOD = 'echo "installing $*"; id -u >"$HOME/installed"; echo "$* $PWD" >>"$HOME/installed"; echo "installed."';

/** A package with this script for its installation. */
function packageOf(script: string, ballast = 0): PackageSource {
  const { bytes, ...made } = smallPackage(script, ballast);
  return {
    ...made,
    size: bytes.length,
    async *open() {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    },
  };
}

interface Tried {
  readonly problem: OutrunnerError | null;
  /** The last that was said of each step. */
  readonly steps: Record<string, string>;
  readonly printed: readonly string[];
  readonly presented: SshHostKey | null;
}

interface Trial {
  readonly user?: SshUser;
  readonly port?: number;
  readonly signIn?: SignIn;
  readonly source?: PackageSource;
  readonly request?: Partial<SshInstallRequest>;
  readonly ports?: Partial<SshInstallPorts>;
  readonly signal?: AbortSignal;
}

const NO_SERVER = NO_SSH_SERVER ?? '';

describe.skipIf(NO_SSH_SERVER !== null)(`an installation over SSH (needs a real OpenSSH server: ${NO_SERVER})`, () => {
  let server: SshServer;
  let good: PackageSource;
  let large: PackageSource;
  beforeAll(async () => {
    server = await startSshServer();
    good = packageOf(GOOD);
    large = packageOf(GOOD, 2 << 20);
  });
  afterAll(() => server.stop());

  async function attempt(trial: Trial = {}): Promise<Tried> {
    const user = trial.user ?? 'root';
    const steps: Record<string, string> = {};
    const printed: string[] = [];
    let presented: SshHostKey | null = null;
    const request: SshInstallRequest = {
      host: '127.0.0.1',
      port: trial.port ?? server.port,
      user,
      signIn: trial.signIn ?? { method: 'key', privateKey: server.privateKey, passphrase: null },
      mode: 'system',
      name: 'outrunner-agent',
      start: true,
      sudoPassword: null,
      ...trial.request,
    };
    const ports: SshInstallPorts = {
      clock: systemClock(),
      knownHostKey: async () => ({ type: 'ssh-ed25519', fingerprint: server.fingerprint }),
      presented: (key) => {
        presented = key;
      },
      confirmHostKey: async () => undefined,
      ask: async () => expect.fail('nothing was to be asked'),
      packageFor: async () => trial.source ?? good,
      checkedIn: async () => 'Checked in.',
      tell: (step, event) => {
        steps[step] = event.state;
      },
      printed: (line) => printed.push(line),
      ...trial.ports,
    };
    try {
      await installOverSsh(request, ports, trial.signal ?? new AbortController().signal);
      return { problem: null, steps, printed, presented };
    } catch (error) {
      if (!(error instanceof OutrunnerError)) throw error;
      return { problem: error, steps, printed, presented };
    }
  }

  /** Whatever happened: nothing is left there, and the next attempt succeeds. */
  async function expectCleanAndRepeatable(trial: Trial = {}): Promise<void> {
    await untilNothingIsLeft(server);
    expect((await attempt(trial)).problem).toBeNull();
    expect(server.leftovers()).toEqual([]);
  }

  it('puts the package there, runs its script, waits for the check-in, and leaves nothing behind', async () => {
    const { problem, steps, printed } = await attempt({ request: { name: 'outrunner-two' } });
    expect(problem).toBeNull();
    const done = Object.values(steps).every((state) => state === 'done');
    expect([done, Object.keys(steps).sort()]).toEqual([
      true,
      ['clean', 'connect', 'detect', 'host-key', 'install', 'start', 'upload', 'verify'],
    ]);
    expect(printed).toEqual(['installing --name outrunner-two', 'installed.']);
    const left = readFileSync(server.at('/root/installed'), 'utf8');
    expect(left).toMatch(/^0\n--name outrunner-two \/tmp\/outrunner\.\w{8}\/package\/outrunner-test\n$/);
    expect(server.leftovers()).toEqual([]);
  });

  it('tells how far the upload is', async () => {
    const seen: number[] = [];
    const { problem } = await attempt({
      source: large,
      ports: { tell: (_step, event) => event.progress && seen.push(event.progress.done) },
    });
    expect(problem).toBeNull();
    expect([seen[0], seen.at(-1)]).toEqual([0, large.size]);
  });

  describe('host keys', () => {
    it('shows one that nobody knows, and signs in only when it is confirmed', async () => {
      const asked: SshHostKey[] = [];
      const said: string[] = [];
      const { problem, presented } = await attempt({
        ports: {
          knownHostKey: async () => null,
          confirmHostKey: async (key) => void asked.push(key),
          tell: (step, event) => said.push(`${step} ${event.state}`),
        },
      });
      const key = { type: 'ssh-ed25519', fingerprint: server.fingerprint };
      expect([problem, presented, asked]).toEqual([null, key, [key]]);
      expect(said.slice(0, 6)).toEqual([
        'connect running',
        'connect done',
        'host-key running',
        'host-key done',
        'connect running',
        'connect done',
      ]);
    });

    it('refuses one that changed, names both, and sends nothing', async () => {
      const known = { type: 'ssh-ed25519', fingerprint: `SHA256:${'A'.repeat(43)}` };
      const { problem, steps } = await attempt({ ports: { knownHostKey: async () => known } });
      expect(problem?.code).toBe('ssh-host-key-changed');
      expect(problem?.message).toContain(known.fingerprint);
      expect(problem?.message).toContain(server.fingerprint);
      expect(steps).toEqual({ connect: 'done', 'host-key': 'failed' });
      await expectCleanAndRepeatable();
    });

    it('ends when it is not confirmed', async () => {
      const refuse = async () => {
        throw new OutrunnerError('ssh-host-key-refused');
      };
      const { problem, steps } = await attempt({
        ports: { knownHostKey: async () => null, confirmHostKey: refuse },
      });
      expect([problem?.code, steps]).toEqual(['ssh-host-key-refused', { connect: 'done', 'host-key': 'failed' }]);
    });
  });

  describe('signing in', () => {
    const password = (text: string): SignIn => ({ method: 'password', password: text });

    it('takes a password', async () => {
      expect((await attempt({ signIn: password('root-secret') })).problem).toBeNull();
    });

    it('takes a key with a passphrase', async () => {
      const { encryptedKey: privateKey } = server;
      expect((await attempt({ signIn: { method: 'key', privateKey, passphrase: 'open sesame' } })).problem).toBeNull();
    });

    it('takes a key from an SSH agent', async () => {
      const socket = await startAgent(server.privateKey);
      expect((await attempt({ signIn: { method: 'agent', socket } })).problem).toBeNull();
    });

    it('says that an agent does not answer', async () => {
      const { problem } = await attempt({ signIn: { method: 'agent', socket: '/nowhere/agent' } });
      expect(problem?.code).toBe('ssh-agent-missing');
    });

    it('says that a password is wrong, and never repeats it', async () => {
      const { problem, steps } = await attempt({ signIn: password('not-the-secret') });
      expect([problem?.code, steps]).toEqual(['ssh-sign-in-refused', { connect: 'failed' }]);
      expect(problem?.message).toBe(`127.0.0.1:${server.port} refused the password of root.`);
    });

    it('says which ways the host takes when it has none of ours', async () => {
      const other = await startSshServer({ config: ['Match all', '  PasswordAuthentication no'] });
      onTestFinished(() => other.stop());
      const knownHostKey = async () => ({ type: 'ssh-ed25519', fingerprint: other.fingerprint });
      const { problem } = await attempt({
        port: other.port,
        signIn: password('root-secret'),
        ports: { knownHostKey },
      });
      expect(problem?.message).toBe(`127.0.0.1:${other.port} takes no password from root; it takes: a key.`);
    });

    it('says that nothing listens there, or something else', async () => {
      const way = await openCuttableWay(1);
      const there = way.port;
      expect((await attempt({ port: there })).problem?.code).toBe('ssh-handshake-failed');
      await way.close();
      const { problem } = await attempt({ port: there });
      expect([problem?.code, problem?.message]).toEqual([
        'ssh-unreachable',
        `127.0.0.1:${there} cannot be reached: nothing listens there.`,
      ]);
    });
  });

  describe('rights', () => {
    const installedAs = (home: string) => readFileSync(server.at(`${home}/installed`), 'utf8').split('\n')[0];

    it('needs none for the user alone', async () => {
      const { problem, printed } = await attempt({ user: 'plain', request: { mode: 'user' } });
      expect([problem, printed[0]]).toEqual([null, 'installing --user --name outrunner-agent']);
      expect(installedAs('/home/plain')).toBe('4001');
    });

    it('uses sudo where that needs no password', async () => {
      expect((await attempt({ user: 'free' })).problem).toBeNull();
      expect(installedAs('/root')).toBe('0');
    });

    it('gives sudo its password by standard input, and never by an argument', async () => {
      // The script looks at its own parents: whoever has the password among their arguments would show it.
      const spy =
        'for one in /proc/[0-9]*/cmdline; do { tr "\\0" " " <"$one"; } 2>/dev/null; echo; done >/root/arguments';
      const source = packageOf(`${spy}; read -r line && echo "read: $line"; ${GOOD}`);
      const { problem, printed } = await attempt({
        user: 'asked',
        source,
        request: { sudoPassword: 'asked-secret' },
      });
      expect([problem, printed]).toEqual([null, ['installing --name outrunner-agent', 'installed.']]);
      const seen = readFileSync(server.at('/root/arguments'), 'utf8');
      expect([seen.includes('install.sh'), seen.includes('asked-secret')]).toEqual([true, false]);
    });

    it.each([
      ['asked', null, 'ssh-sudo-password', /asks asked for a password/],
      ['asked', 'wrong', 'ssh-sudo-password', /did not take the password/],
      ['plain', 'plain-secret', 'ssh-no-sudo', /may not use sudo/],
      ['bare', 'bare-secret', 'ssh-no-sudo', /has no sudo/],
    ] as const)('%s with %s: says what is missing before anything is sent', async (user, sudoPassword, code, words) => {
      const { problem, steps } = await attempt({ user, request: { sudoPassword } });
      expect([problem?.code, problem?.message]).toEqual([code, expect.stringMatching(words)]);
      expect(steps).toEqual({ connect: 'done', 'host-key': 'done', detect: 'failed' });
      await expectCleanAndRepeatable({ user, request: { mode: 'user' } });
    });
  });

  describe('hosts', () => {
    it('says that there is no Runner for the machine, before anything is sent', async () => {
      const { problem, steps } = await attempt({ user: 'riscv', request: { mode: 'user' } });
      expect([problem?.code, problem?.message]).toEqual(['ssh-platform-unsupported', 'This host is Linux on riscv64.']);
      expect(steps).toEqual({ connect: 'done', 'host-key': 'done', detect: 'failed' });
    });

    it('says that no executable is built for it', async () => {
      const packageFor = async () => {
        throw new OutrunnerError('package-missing', { detail: 'The executable for Linux x64 is not built.' });
      };
      const { problem, steps } = await attempt({ ports: { packageFor } });
      expect([problem?.code, steps.detect]).toEqual(['package-missing', 'failed']);
      await expectCleanAndRepeatable();
    });

    it('is not confused by a shell that prints at its start', async () => {
      const { problem, printed } = await attempt({ user: 'noisy', request: { mode: 'user' } });
      expect([problem, printed.at(-1)]).toEqual([null, 'installed.']);
    });

    it('goes to another folder when /tmp is full, or runs nothing', async () => {
      for (const options of [{ tmpSize: '4m' }, { noexec: true }]) {
        const other = await startSshServer(options);
        onTestFinished(() => other.stop());
        const { problem } = await attemptAt(other);
        expect(problem).toBeNull();
        expect(readFileSync(other.at('/root/installed'), 'utf8')).toMatch(/ \/var\/tmp\/outrunner\./);
        expect(other.leftovers()).toEqual([]);
      }
    });

    it('says how much room it needs and where none is, and succeeds when there is some', async () => {
      const other = await startSshServer({ tmpSize: '10m', allSmall: true });
      onTestFinished(() => other.stop());
      other.sh('head -c 5m /dev/zero >/tmp/in-the-way');
      other.sh('head -c 6m /dev/zero >/var/tmp/in-the-way; head -c 6m /dev/zero >/root/in-the-way');
      const { problem, steps } = await attemptAt(other);
      expect([problem?.code, problem?.message]).toEqual([
        'ssh-no-space',
        expect.stringMatching(
          /^The installation needs 9 MB for a while; \/tmp has 6 MB, \/var\/tmp has 5 MB, \/root has 5 MB\.$/,
        ),
      ]);
      expect([steps.upload, other.leftovers()]).toEqual(['failed', []]);
      other.sh('rm /tmp/in-the-way');
      expect((await attemptAt(other)).problem).toBeNull();
    });

    it('says that the disk filled up meanwhile', async () => {
      const other = await startSshServer({ tmpSize: '12m' });
      onTestFinished(() => other.stop());
      // It claims to need little and is large: as if somebody else took the room after it was measured.
      const source = { ...packageOf(GOOD, 14 << 20), size: 1000, unpackedSize: 1000 };
      const { problem, steps } = await attemptAt(other, { source });
      expect([problem?.code, steps.upload]).toEqual(['ssh-no-space', 'failed']);
      await untilNothingIsLeft(other);
      expect((await attemptAt(other)).problem).toBeNull();
    });

    async function attemptAt(other: SshServer, trial: Trial = {}): Promise<Tried> {
      const { privateKey } = other;
      return attempt({
        port: other.port,
        signIn: { method: 'key', privateKey, passphrase: null },
        ports: { knownHostKey: async () => ({ type: 'ssh-ed25519', fingerprint: other.fingerprint }) },
        ...trial,
      });
    }
  });

  describe('what goes wrong', () => {
    it('refuses what arrived otherwise than it was sent', async () => {
      const { problem, steps } = await attempt({ source: { ...good, sha256: '0'.repeat(64) } });
      expect([problem?.code, steps.verify, steps.clean]).toEqual(['ssh-upload-damaged', 'failed', 'done']);
      await expectCleanAndRepeatable();
    });

    it('shows the last lines of a script that fails', async () => {
      const source = packageOf('echo "checking"; echo "\\033[31mno systemd here\\033[0m" >&2; exit 7');
      const { problem, steps, printed } = await attempt({ source });
      expect([problem?.code, problem?.message]).toEqual([
        'ssh-install-failed',
        'install.sh ended with code 7: checking / no systemd here',
      ]);
      expect([steps.install, steps.clean, printed]).toEqual(['failed', 'done', ['checking', 'no systemd here']]);
      await expectCleanAndRepeatable();
    });

    it('says that the Runner did not check in', async () => {
      const checkedIn = async () => {
        throw new OutrunnerError('ssh-not-checked-in');
      };
      const { problem, steps } = await attempt({ ports: { checkedIn } });
      expect([problem?.code, steps.install, steps.start]).toEqual(['ssh-not-checked-in', 'done', 'failed']);
      expect(server.leftovers()).toEqual([]);
    });

    it.each([200, 3000, 60_000, 1_500_000])('the connection is cut after %i bytes', async (bytes) => {
      const way = await openCuttableWay(server.port);
      onTestFinished(() => way.close());
      way.cutAfter(bytes);
      const { problem } = await attempt({ port: way.port, source: large });
      expect(['ssh-connection-lost', 'ssh-handshake-failed', 'ssh-unreachable']).toContain(problem?.code);
      if (bytes > 50_000) expect(problem?.code).toBe('ssh-connection-lost');
      way.mend();
      await expectCleanAndRepeatable({ port: way.port, source: large });
    });

    it('the connection is cut while the script runs: it comes to its end, and nothing is left', async () => {
      server.sh('rm -f /root/installed /root/go; mkfifo /root/go');
      const way = await openCuttableWay(server.port);
      onTestFinished(() => way.close());
      const source = packageOf(`echo "half"; cat /root/go; for n in 1 2 3; do echo $n || exit 9; done; ${GOOD}`);
      const { problem, steps } = await attempt({
        port: way.port,
        source,
        ports: { printed: () => way.cut() },
      });
      expect([problem?.code, steps.install, steps.clean]).toEqual(['ssh-connection-lost', 'failed', 'left']);
      expect(server.leftovers()).toHaveLength(1);
      server.sh('echo on >/root/go');
      await untilNothingIsLeft(server);
      expect(readFileSync(server.at('/root/installed'), 'utf8')).toMatch(/^0\n/);
    });

    it('the server process is killed half-way', async () => {
      let killed = false;
      const tell = (step: string, event: { progress?: { done: number } }) => {
        if (step !== 'upload' || killed || event.progress === undefined) return;
        killed = true;
        server.killSessions();
      };
      const { problem } = await attempt({ source: large, ports: { tell } });
      expect([killed, problem?.code]).toEqual([true, 'ssh-connection-lost']);
      await expectCleanAndRepeatable();
    });

    it('is cancelled at any step, and nothing is left', async () => {
      for (const at of ['connect', 'detect', 'upload', 'verify', 'install', 'start'] as const) {
        const abort = new AbortController();
        const tell = (step: string, event: { state: string }) => {
          if (step === at && event.state === 'running') abort.abort(new OutrunnerError('ssh-install-cancelled'));
        };
        const { problem } = await attempt({ ports: { tell }, signal: abort.signal });
        expect([at, problem?.code]).toEqual([at, 'ssh-install-cancelled']);
        await untilNothingIsLeft(server);
      }
      await expectCleanAndRepeatable();
    });
  });
});

describe.skipIf(process.platform === 'win32')('the folder on the host (needs a POSIX shell)', () => {
  it('goes by itself when nobody says a word any more, although the connection seems to stand', async () => {
    const shells = ['dash', 'bash', 'busybox'].filter((shell) => existsSync(`/usr/bin/${shell}`));
    await Promise.all(
      shells.map(async (shell) => {
        const { home, guard } = await startGuard(
          folderCommand(1, 1).replace(/^sh /, `${shell === 'busybox' ? 'busybox sh' : shell} `),
        );
        await once(guard, 'close');
        expect([shell, readdirSync(home)]).toEqual([shell, []]);
      }),
    );
  });

  it('goes when its process is told to end', async () => {
    const { home, guard } = await startGuard(folderCommand(1));
    const ended = once(guard, 'close');
    guard.kill('SIGTERM');
    await ended;
    expect(readdirSync(home)).toEqual([]);
  });

  /** The guard as a host runs it, with a folder already made. */
  async function startGuard(command: string) {
    const home = mkdtempSync(join(tmpdir(), 'outrunner-home-'));
    onTestFinished(() => rmSync(home, { recursive: true }));
    const guard = spawn('/bin/sh', ['-c', `exec ${command}`], {
      env: { PATH: '/usr/bin:/bin', TMPDIR: home, HOME: home },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(guard.stdout, 'data');
    expect(readdirSync(home)).toHaveLength(1);
    return { home, guard };
  }
});

async function startAgent(privateKey: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'outrunner-agent-'));
  const socket = join(folder, 'agent');
  const agent = spawn('/usr/bin/ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  onTestFinished(async () => {
    const ended = once(agent, 'close');
    agent.kill();
    await ended;
    rmSync(folder, { recursive: true });
  });
  await expect.poll(() => existsSync(socket)).toBe(true);
  execFileSync('/usr/bin/ssh-add', ['-q', '-'], {
    input: privateKey,
    env: { SSH_AUTH_SOCK: socket },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return socket;
}

async function untilNothingIsLeft(server: SshServer): Promise<void> {
  await expect.poll(() => server.leftovers()).toEqual([]);
}
