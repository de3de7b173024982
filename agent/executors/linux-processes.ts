import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { MARKER } from './step-environment.ts';

/** What `/proc` says about one process. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Its controlling terminal; 0 when it has none. */
  readonly terminal: number;
  readonly state: string;
  /** When it began, in ticks since the boot: tells it from a later process with the same number. */
  readonly startTicks: string;
}

/** Facts of a process from `/proc/<pid>/stat`; null when it is gone. */
export function processFacts(pid: number): ProcessFacts | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null; // It ended between being listed and being read.
  }
  // The name stands in brackets and may itself hold brackets and spaces: what follows the last one is what counts.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    terminal: Number(fields[4]),
    startTicks: fields[19] ?? '',
  };
}

/** All living processes of this host but this one. */
export function livingProcesses(): Map<number, ProcessFacts> {
  const all = new Map<number, ProcessFacts>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const facts = processFacts(Number(name));
    if (facts !== null && facts.pid !== process.pid && isLiving(facts)) all.set(facts.pid, facts);
  }
  return all;
}

function isLiving({ state }: ProcessFacts): boolean {
  return state !== 'Z' && state !== 'X';
}

/** Whether its environment carries the mark of an operation: it survives `setsid`, `nohup` and a double fork. */
export function isMarked(pid: number, operation: string): boolean {
  const mark = `${MARKER}=${operation}`;
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
    return environment.startsWith(`${mark}\0`) || environment.includes(`\0${mark}\0`);
  } catch {
    return false; // Gone, or of another user: then its session and parents must tell.
  }
}

/** Its living children, as far as the kernel lists them. */
export function childrenOf(pid: number): number[] {
  const children: number[] = [];
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1');
      children.push(
        ...text
          .split(' ')
          .map(Number)
          .filter((child) => child > 0),
      );
    }
  } catch {
    // Gone meanwhile, or a kernel without such lists: the search by parents still finds what is there when it counts.
  }
  return children;
}

/** The pipe or socket behind a file descriptor, by the name that the kernel gives to it alone; null for anything else. */
export function pipeBehind(pid: number, descriptor: number | string): string | null {
  try {
    const target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
    return /^(pipe|socket):\[\d+\]$/.test(target) ? target : null;
  } catch {
    return null; // Closed, gone, or of another user.
  }
}

/** Whether it has one of these pipes or sockets open. */
export function holdsPipe(pid: number, pipes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((name) => pipes.has(pipeBehind(pid, name) ?? ''));
  } catch {
    return false; // Gone, or of another user.
  }
}

/** Whether it works in a folder or below it, also after that was deleted. */
export function worksIn(pid: number, folder: string): boolean {
  try {
    const cwd = readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '');
    return cwd === folder || cwd.startsWith(`${folder}/`);
  } catch {
    return false; // Gone, or of another user.
  }
}

/** Whether it runs as the user of this process. */
export function isOurUser(pid: number): boolean {
  try {
    return statSync(`/proc/${pid}`).uid === process.geteuid?.();
  } catch {
    return false; // Gone.
  }
}

/** The command line of a process, for a person. */
export function linuxCommandLine(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return (text === '' ? readFileSync(`/proc/${pid}/comm`, 'utf8').trim() : text).slice(0, 300);
  } catch {
    return '(ended)';
  }
}
