import { isMarked, livingProcesses, processFacts } from '../executors/linux-processes.ts';

/** Numbers of the living processes that carry the mark of an operation. */
export function processesOf(operation: string): number[] {
  return [...livingProcesses().keys()].filter((pid) => isMarked(pid, operation));
}

/** Whether there is a process with this number that has not ended; how soon it is collected is up to its parent. */
export function lives(pid: number): boolean {
  const facts = processFacts(pid);
  return facts !== null && facts.state !== 'Z';
}
