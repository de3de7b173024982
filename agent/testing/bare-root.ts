import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The packed agent of this host, as `npm run build` makes it. */
export const PACKED_AGENT = join(
  import.meta.dirname,
  '..',
  '..',
  'dist',
  'agents',
  `linux-${process.arch}`,
  'outrunner-agent',
);

export interface Ran {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A root of its own over the one of this host: what is written in it stays in memory and is gone when it is closed. It has no
 * Node, and systemd does not run it. The network is the host's.
 */
export class BareRoot {
  readonly folder: string;
  readonly #base: string;
  readonly #mounts: string[] = [];
  readonly #children = new Set<ChildProcess>();

  constructor() {
    this.#base = mkdtempSync(join(tmpdir(), 'outrunner-root-'));
    this.folder = join(this.#base, 'root');
    try {
      this.#mount(this.#base, '-t', 'tmpfs', '-o', 'mode=0755', 'none');
      for (const name of ['upper', 'work', 'root']) mkdirSync(join(this.#base, name));
      const layers = `lowerdir=/,upperdir=${join(this.#base, 'upper')},workdir=${join(this.#base, 'work')}`;
      this.#mount(this.folder, '-t', 'overlay', '-o', layers, 'overlay');
      this.#mount(this.path('/proc'), '-t', 'proc', 'proc');
      this.#mount(this.path('/tmp'), '-t', 'tmpfs', 'none');
      this.#mount(this.path('/run'), '-t', 'tmpfs', 'none');
      this.#mount(this.path('/dev'), '--bind', '/dev');
      for (const name of ['node', 'npm', 'npx']) rmSync(this.path(`/usr/bin/${name}`), { force: true });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** A path of the root, as this process sees it. */
  path(inside: string): string {
    return join(this.folder, inside);
  }

  read(inside: string): string {
    return readFileSync(this.path(inside), 'utf8');
  }

  write(inside: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(this.path(inside)), { recursive: true });
    writeFileSync(this.path(inside), text);
    chmodSync(this.path(inside), mode);
  }

  remove(inside: string): void {
    rmSync(this.path(inside), { recursive: true, force: true });
  }

  /** Puts the packed agent into a folder of the root. */
  putAgent(folder: string): void {
    mkdirSync(this.path(folder), { recursive: true });
    copyFileSync(PACKED_AGENT, this.path(`${folder}/outrunner-agent`));
    chmodSync(this.path(`${folder}/outrunner-agent`), 0o755);
  }

  /** Mounts a file system of its own at a folder. */
  mountTmpfs(inside: string, options: string): void {
    mkdirSync(this.path(inside), { recursive: true });
    this.#mount(this.path(inside), '-t', 'tmpfs', '-o', options, 'none');
  }

  unmountLast(): void {
    const folder = this.#mounts.pop();
    if (folder !== undefined) execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' });
  }

  /** Starts a program in the root, with an environment that has nothing of this process. */
  start(command: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn('chroot', [this.folder, ...command], {
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    return child;
  }

  async run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const child = this.start(command, env);
    const text = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk: Buffer) => {
      text.stdout += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      text.stderr += chunk.toString();
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    this.#children.delete(child);
    return { code: code ?? signal ?? '', ...text };
  }

  /** Numbers of the processes that live in this root. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && rootOf(name) === this.folder)
      .map(Number);
  }

  /** Ends what still runs in it and gives everything back. */
  close(): void {
    for (const child of this.#children) if (child.exitCode === null) child.kill('SIGKILL');
    if (this.#mounts.length > 0) {
      for (const pid of this.processes()) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended by itself.
        }
      }
    }
    while (this.#mounts.length > 0) this.unmountLast();
    rmdirSync(this.#base);
  }

  #mount(target: string, ...args: string[]): void {
    execFileSync('mount', [...args, target], { stdio: 'pipe' });
    this.#mounts.push(target);
  }
}

function rootOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/root`);
  } catch {
    return ''; // It has ended.
  }
}

/** Why there can be no {@link BareRoot} here; empty when there can. */
export const NO_BARE_ROOT = noBareRoot();

function noBareRoot(): string {
  if (process.platform !== 'linux') return 'overlays are of Linux';
  if (process.getuid?.() !== 0) return 'only root can mount an overlay';
  if (!existsSync(PACKED_AGENT)) return 'the agent is not packed: npm run build:agents';
  try {
    new BareRoot().close();
    return '';
  } catch (error) {
    return `an overlay cannot be mounted here: ${String(error)}`;
  }
}
