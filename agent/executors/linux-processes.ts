import { readdirSync, readFileSync } from 'node:fs';
import { MARKER } from './step-environment.ts';

/** What `/proc` says about one process. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly state: string;
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
    startTicks: fields[19] ?? '',
  };
}

/**
 * All living processes of an operation: in the session or group of its step, below it in the tree, or marked in their
 * environment (which survives `setsid`, `nohup` and a double fork). Never this process itself.
 */
export function findLinuxProcesses(root: number | null, operation: string): ProcessFacts[] {
  const all = new Map<number, ProcessFacts>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const facts = processFacts(Number(name));
    if (facts !== null && facts.pid !== process.pid && facts.state !== 'Z' && facts.state !== 'X') {
      all.set(facts.pid, facts);
    }
  }
  const found = new Map<number, ProcessFacts>();
  const mark = `${MARKER}=${operation}`;
  for (const facts of all.values()) {
    const related = root !== null && (facts.pid === root || facts.session === root || facts.group === root);
    if (related || isMarked(facts.pid, mark)) found.set(facts.pid, facts);
  }
  // Children of what was found: those that cleared their environment still have their parent.
  for (let grew = true; grew; ) {
    grew = false;
    for (const facts of all.values()) {
      if (!found.has(facts.pid) && found.has(facts.parent)) {
        found.set(facts.pid, facts);
        grew = true;
      }
    }
  }
  return [...found.values()];
}

function isMarked(pid: number, mark: string): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
    return environment.startsWith(`${mark}\0`) || environment.includes(`\0${mark}\0`);
  } catch {
    return false; // Gone, or of another user: then its session and parents must tell.
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
