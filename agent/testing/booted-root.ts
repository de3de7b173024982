import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BareRoot, NO_BARE_ROOT, type Ran } from './bare-root.ts';
import { NO_CGROUPS, openTestCgroup, type TestCgroup } from './test-cgroup.ts';

const SYSTEMD = '/usr/lib/systemd/systemd';

/** Why systemd cannot be process 1 of a root of the test; empty when nothing is known to be against it. */
export const NO_BOOTED_ROOT =
  NO_BARE_ROOT || NO_CGROUPS || (existsSync(SYSTEMD) && existsSync('/usr/bin/nsenter') ? '' : 'there is no systemd');

/** Makes, in namespaces of its own, what systemd expects to find, and becomes systemd. */
const BOOT = `set -e
root=$1
mount -t proc proc "$root/proc"
mount -t sysfs none "$root/sys"
for folder in run tmp; do mount -t tmpfs none "$root/$folder"; done
mount -t tmpfs -o mode=755 none "$root/dev"
for name in null zero full random urandom tty; do : > "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
mkdir "$root/dev/shm" "$root/dev/pts"
ln -s /proc/self/fd "$root/dev/fd"
mount -t cgroup2 none "$root/sys/fs/cgroup"
exec chroot "$root" env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin ${SYSTEMD} --unit=multi-user.target
`;

const run = promisify(execFile);
const STARTED_WITHIN_MS = 15_000;

/** A {@link BareRoot} that a systemd of its own runs, with control groups; whoever makes one closes it. */
export class BootedRoot {
  readonly root: BareRoot;
  readonly #launched: ChildProcess;
  readonly #cgroup: TestCgroup;

  constructor() {
    this.#cgroup = openTestCgroup();
    const { launcher } = this.#cgroup;
    const root = new BareRoot();
    // None of the services that this host may have.
    root.remove('/etc/systemd/system/multi-user.target.wants');
    const [file = '', ...args] = launcher;
    const spaces = ['unshare', '--fork', '--kill-child', '--pid', '--mount', '--ipc', '--uts', '--cgroup'];
    this.#launched = spawn(
      file,
      [...args, ...spaces, '--propagation', 'private', '/bin/sh', '-c', BOOT, 'sh', root.folder],
      { stdio: 'ignore' },
    );
    this.root = root;
  }

  /** Ends everything in it and gives it back. */
  async close(): Promise<void> {
    this.#launched.kill('SIGKILL');
    if (this.#launched.exitCode === null && this.#launched.signalCode === null)
      await new Promise((resolve) => void this.#launched.once('exit', resolve));
    this.root.close();
    await this.#cgroup.close();
  }

  /** Resolves when systemd has started what it starts; with why not, when it cannot in such a place. */
  async started(): Promise<string> {
    let state = '';
    const until = Date.now() + STARTED_WITHIN_MS;
    while (Date.now() < until) {
      const { stdout, stderr } = await this.run(['systemctl', 'is-system-running']);
      state = (stdout || stderr).trim();
      if (/^(running|degraded)$/.test(state)) return '';
      await pause(50);
    }
    return `${state} (exit ${this.#launched.exitCode})`;
  }

  /** Runs a program beside it, as root. */
  async run(command: readonly string[]): Promise<Ran> {
    const first = this.#firstProcess();
    if (first === null) return { code: 1, stdout: '', stderr: 'it has no process yet' };
    const inside = ['-t', first, '-p', '-m', '-i', '-u', '-C', '-r', '-w'];
    const plain = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'];
    try {
      const { stdout, stderr } = await run('nsenter', [...inside, ...plain, ...command], { cwd: '/' });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code = 1, stdout = '', stderr = String(error) } = error as Partial<Ran>;
      return { code, stdout, stderr };
    }
  }

  #firstProcess(): string | null {
    const pid = this.#launched.pid;
    if (pid === undefined) return null;
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] || null;
    } catch {
      return null; // It has ended.
    }
  }
}
