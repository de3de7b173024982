import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../agent-exit.ts';

/**
 * One control group (version 2) and those below it. Everything here goes over the thread pool: the kernel makes writers
 * wait for each other, and moving a process takes 5 to 30 ms on a host where nobody has done so for a moment.
 */
export class CgroupFolder {
  readonly path: string;
  /** Linux before 5.14 has no `cgroup.kill`. */
  readonly #mayKill: boolean;

  constructor(path: string, mayKill = true) {
    this.path = path;
    this.#mayKill = mayKill;
  }

  get isThere(): boolean {
    return existsSync(this.path);
  }

  /** Makes it; one that is there is taken as it is. */
  async make(): Promise<void> {
    try {
      await mkdir(this.path);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }

  /** Moves a process into it, with all of its threads. False when the process is gone. */
  async enter(pid: number): Promise<boolean> {
    try {
      await writeFile(join(this.path, 'cgroup.procs'), String(pid));
      return true;
    } catch (error) {
      if (systemCode(error) === 'ESRCH') return false;
      throw error;
    }
  }

  /** Processes in it alone, without those of the groups below. */
  async ownMembers(): Promise<number[]> {
    const text = await readFile(join(this.path, 'cgroup.procs'), 'latin1');
    // 0: a process of a namespace that we cannot see into.
    return text
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0);
  }

  /** Living processes in it and in all groups below it; none when it is not there. */
  async members(): Promise<number[]> {
    try {
      const pids = await this.ownMembers();
      for (const name of await this.children()) pids.push(...(await this.#below(name).members()));
      return pids;
    } catch (error) {
      // ENOENT, ENODEV: it was removed, by us or by the step that made it. EOPNOTSUPP: it holds threads, not processes.
      if (['ENOENT', 'ENODEV', 'EOPNOTSUPP'].includes(systemCode(error))) return [];
      throw error;
    }
  }

  /** Names of the groups directly below it. */
  async children(): Promise<string[]> {
    const entries = await readdir(this.path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  /**
   * Ends every process in it and below it with SIGKILL, at once, of whatever user. What is forked meanwhile dies too: the
   * kernel sees to it, or (before 5.14) the group is frozen first, so that nothing can be forked.
   */
  async kill(): Promise<void> {
    if ((await this.members()).includes(process.pid)) throw new Error(`The agent itself is in ${this.path}.`);
    try {
      const kill = join(this.path, 'cgroup.kill');
      if (this.#mayKill && existsSync(kill)) return await writeFile(kill, '1');
      await writeFile(join(this.path, 'cgroup.freeze'), '1');
      for (const pid of await this.members()) killNow(pid);
      await writeFile(join(this.path, 'cgroup.freeze'), '0');
    } catch (error) {
      if (!['ENOENT', 'ENODEV'].includes(systemCode(error))) throw error;
    }
  }

  /** Removes it and what is below it. False when there are processes in it. */
  async remove(): Promise<boolean> {
    try {
      for (const name of await this.children()) if (!(await this.#below(name).remove())) return false;
      await rmdir(this.path);
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT') return true;
      // One that has just died is in it for a moment more.
      if (code === 'EBUSY') return false;
      throw error;
    }
  }

  #below(name: string): CgroupFolder {
    return new CgroupFolder(join(this.path, name), this.#mayKill);
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ESRCH: it ended meanwhile. EPERM: of another user; the next look finds it and it is reported by name.
  }
}
