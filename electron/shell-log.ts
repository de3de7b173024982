import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../protocol/clock.ts';

const LARGEST_LOG = 2 * 1024 * 1024;
/** Everything that could open a door: bearer tokens, Outrunner's own tokens, tickets in links, secrets in JSON. */
const SECRETS =
  /(bearer\s+)\S+|\b(or[a-z]_)[A-Za-z0-9_-]{16,}|(ticket=)[^\s&"']+|("(?:token|ticket|password|secret)"\s*:\s*")[^"]*/gi;

/** A line without its secrets, and without line breaks that could forge another line. */
export function redact(text: string): string {
  return text
    .replaceAll(
      SECRETS,
      (_match, ...groups: (string | undefined)[]) => `${groups.slice(0, 4).find(Boolean) ?? ''}[hidden]`,
    )
    .replaceAll(/[\r\n]+/g, ' ⏎ ');
}

/**
 * The log of the shell: one line each, two megabytes and the same again for the last one. A log that cannot be written does
 * not stop the console; the lines go to standard error in any case.
 */
export function createShellLog(path: string, clock: Clock, echo: (line: string) => void): (message: string) => void {
  return (message) => {
    const line = `${new Date(clock.now()).toISOString()} ${redact(message)}`;
    echo(line);
    try {
      mkdirSync(dirname(path), { recursive: true });
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGEST_LOG) renameSync(path, `${path}.1`);
      appendFileSync(path, `${line}\n`, { mode: 0o600 });
    } catch (error) {
      echo(`The log ${path} cannot be written: ${error instanceof Error ? error.message : error}`);
    }
  };
}
