import { writeSync } from 'node:fs';
import { StartError } from '../start-error.ts';
import { parentPort } from './stop-requests.ts';

/** What a program that started this one is told when it can be used. */
export interface ReadyMessage {
  readonly type: 'ready';
  readonly url: string;
  readonly pid: number;
}

/** Tells the parent by every way it left open: a file descriptor, Node's or Electron's channel. */
export function tellParent(message: ReadyMessage, readyFd: number | null): void {
  process.send?.(message);
  parentPort()?.postMessage(message);
  if (readyFd === null) return;
  try {
    writeSync(readyFd, `${JSON.stringify(message)}\n`);
  } catch (cause) {
    throw new StartError('settings', `--ready-fd ${readyFd} cannot be written.`, cause);
  }
}
