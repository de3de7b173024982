import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type FoundProcess, type ProcessTree, trySignal } from './process-tree.ts';
import { MARKER } from './step-environment.ts';

const run = promisify(execFile);

export interface PsProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Day and time of its begin, as `ps` writes it. */
  readonly born: string;
  /** The command line, then the environment where `ps` may show it. */
  readonly command: string;
}

const COLUMNS = 'pid=,ppid=,pgid=,stat=,lstart=,command=';

/** The living processes in what `ps` prints. */
export function parsePs(text: string): PsProcess[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\S+\s+\d+:\d+:\d+\s+\d+)\s+(.*)$/.exec(line);
    if (!match || match[4]?.startsWith('Z')) return [];
    const [, pid, parent, group, , born = '', command = ''] = match;
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), born, command }];
  });
}

/**
 * Those that belong to an operation: its steps while they are our own children, known ones, those in the group of a step (a
 * number is not given away while one of the group lives), marked ones, and the children of all these.
 */
export function ofOperation(
  all: readonly PsProcess[],
  operation: string,
  roots: ReadonlySet<number>,
  known: ReadonlyMap<number, string>,
): PsProcess[] {
  const mark = ` ${MARKER}=${operation}`;
  const found = new Map<number, PsProcess>();
  for (let grew = true; grew; ) {
    grew = false;
    const groups = new Set([...found.values()].map(({ group }) => group).filter((group) => roots.has(group)));
    for (const one of all) {
      if (one.pid === process.pid || found.has(one.pid)) continue;
      const belongs =
        known.get(one.pid) === one.born ||
        (roots.has(one.pid) && one.parent === process.pid) ||
        groups.has(one.group) ||
        found.has(one.parent) ||
        `${one.command} `.includes(`${mark} `);
      if (!belongs) continue;
      found.set(one.pid, one);
      grew = true;
    }
  }
  return [...found.values()];
}

/** macOS and other systems without /proc: `ps` with the environment of the user's own processes (`-E`). */
export class PsTree implements ProcessTree {
  readonly #operation: string;
  readonly #roots = new Set<number>();
  readonly #known = new Map<number, string>();

  constructor(operation: string) {
    this.#operation = operation;
  }

  entered(pid: number): void {
    this.#roots.add(pid);
  }

  async find(): Promise<FoundProcess[]> {
    const { stdout } = await run('ps', ['-axwwE', '-o', COLUMNS], {
      maxBuffer: 64 << 20,
      env: { ...process.env, LC_ALL: 'C' },
    });
    const found = ofOperation(parsePs(stdout), this.#operation, this.#roots, this.#known);
    for (const { pid, born } of found) this.#known.set(pid, born);
    // The environment follows the command line: what is shown must not hold it.
    return found.map(({ pid, born, command }) => ({
      pid,
      born,
      command: (command.split(/ [A-Za-z_][A-Za-z0-9_]*=/, 1)[0] ?? '').slice(0, 300),
    }));
  }

  async signal(found: readonly FoundProcess[], hard: boolean): Promise<void> {
    const name = hard ? 'SIGKILL' : 'SIGTERM';
    // The group first, in one go: a fork bomb must not outrun a walk over its members.
    for (const { pid } of found) if (this.#roots.has(pid)) trySignal(-pid, name);
    for (const { pid } of found) if (!this.#roots.has(pid)) trySignal(pid, name);
  }

  over(): void {
    // It watches nothing between looks.
  }
}
