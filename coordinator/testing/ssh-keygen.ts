import { spawnSync } from 'node:child_process';

/** Whether this host's ssh-keygen verifies signatures (OpenSSH 8.1): it says what is missing then, and else that there is no such option. */
export const hasSshKeygen =
  spawnSync('ssh-keygen', ['-Y', 'verify'], { encoding: 'utf8' }).stderr?.includes('verify') ?? false;
