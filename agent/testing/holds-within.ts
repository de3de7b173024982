import { setTimeout as pause } from 'node:timers/promises';

/** Looks again and again; resolves with true as soon as `look` does, with false when it has not for `ms`. */
export async function holdsWithin(ms: number, look: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = process.uptime() * 1000 + ms;
  while (!(await look())) {
    if (process.uptime() * 1000 > end) return false;
    await pause(25);
  }
  return true;
}
