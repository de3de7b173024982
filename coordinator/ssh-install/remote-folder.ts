import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { folderCommand, saidToUs } from './remote-commands.ts';
import { lastWords } from './remote-host.ts';
import type { SshConnection } from './ssh-connection.ts';

/** How often the host hears that we are still there; it waits for a minute. */
const BEAT_MS = 10_000;
/** How long the removal may take. */
const REMOVED_WITHIN_MS = 20_000;

/** A private folder on a host, guarded there by a process that removes it when we are gone. */
export interface RemoteFolder {
  readonly path: string;
  /** Removes it. Resolves with whether the host said that it is gone. */
  remove(): Promise<boolean>;
}

/**
 * Makes a folder that only this user can read, where programs may run and `needBytes` have room.
 * @throws OutrunnerError `ssh-no-space`, `ssh-no-folder`.
 */
export async function makeRemoteFolder(
  connection: SshConnection,
  clock: Clock,
  needBytes: number,
): Promise<RemoteFolder> {
  const made = Promise.withResolvers<string>();
  const needKilobytes = Math.ceil(needBytes / 1024);
  const full: string[] = [];
  const guard = await connection.converse(folderCommand(needKilobytes), (line) => {
    const folder = /^outrunner-ssh:folder=(\/.+)$/.exec(line)?.[1];
    if (folder !== undefined) made.resolve(folder);
    const short = /^outrunner-ssh:full=(\d+) (.+)$/.exec(line);
    if (short !== null) full.push(`${short[2]} has ${megabytes(Number(short[1]) * 1024)}`);
  });
  const over = guard.over.then(
    ({ stdout, stderr }) => {
      made.reject(explainNone(stdout, stderr, needBytes, full));
      return saidToUs(stdout).get('cleaned') === 'yes';
    },
    (error: unknown) => {
      made.reject(error);
      return false;
    },
  );
  const path = await made.promise;
  const beat = clock.every(BEAT_MS, () => guard.say('beat'));
  return {
    path,
    async remove() {
      beat.cancel();
      guard.say('done');
      const late = Promise.withResolvers<boolean>();
      const timer = clock.after(REMOVED_WITHIN_MS, () => late.resolve(false));
      const removed = await Promise.race([over, late.promise]);
      timer.cancel();
      return removed;
    },
  };
}

function explainNone(stdout: string, stderr: string, needBytes: number, full: readonly string[]): OutrunnerError {
  if (full.length > 0) {
    const detail = `The installation needs ${megabytes(needBytes)} for a while; ${full.join(', ')}.`;
    return new OutrunnerError('ssh-no-space', { detail });
  }
  const noexec = [...stdout.matchAll(/^outrunner-ssh:noexec=(.+)$/gm)].map((match) => match[1]);
  const why =
    noexec.length > 0 ? `no program may run in ${noexec.join(', ')}` : lastWords(stderr, 1) || 'none can be written to';
  return new OutrunnerError('ssh-no-folder', { detail: `There is no folder for the installation: ${why}.` });
}

/** For people: whole megabytes, upwards. */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`;
}
