import { appendFileSync, renameSync, statSync } from 'node:fs';

const LARGEST = 5_000_000;

/**
 * A log where no service manager keeps one (launchd, Task Scheduler): the file, and the one before it as `<file>.1`, of at
 * most `largest` bytes each. A disk that is full costs the lines, not the agent.
 */
export function logFile(path: string, largest = LARGEST): (text: string) => void {
  let size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return (text) => {
    const bytes = Buffer.from(text);
    try {
      if (size > 0 && size + bytes.length > largest) {
        renameSync(path, `${path}.1`);
        size = 0;
      }
      appendFileSync(path, bytes, { mode: 0o600 });
      size += bytes.length;
    } catch {
      // There is nowhere left to say so.
    }
  };
}
