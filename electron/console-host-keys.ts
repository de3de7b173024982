import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type KnownHostKey, KnownHostKeySchema, type SshHostKey } from '../protocol/api/ssh-installs.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import type { JsonFile } from './settings-file.ts';

export const HostKeyFileSchema = z.object({
  version: z.literal(1).default(1),
  keys: z.array(KnownHostKeySchema).default([]),
});
export type HostKeyFile = z.infer<typeof HostKeyFileSchema>;

/** The host keys that were confirmed at this console: one for each host and port. */
export interface ConsoleHostKeys {
  find(host: string, port: number): KnownHostKey | null;
  /** Keeps a key for a host that has none. @throws OutrunnerError `ssh-host-key-changed` when it has another one meanwhile. */
  remember(host: string, port: number, key: SshHostKey, by: string): Promise<void>;
  /** @throws OutrunnerError `not-found`. */
  forget(id: string): Promise<void>;
}

export function consoleHostKeys(file: JsonFile<HostKeyFile>, now: () => number): ConsoleHostKeys {
  const find = (host: string, port: number) =>
    file.value.keys.find((one) => one.host === host.toLowerCase() && one.port === port) ?? null;
  return {
    find,
    async remember(host, port, { type, fingerprint }, by) {
      const known = find(host, port);
      if (known !== null && known.fingerprint !== fingerprint) throw new OutrunnerError('ssh-host-key-changed');
      if (known !== null) return;
      const key: KnownHostKey = {
        id: randomUUID(),
        host: host.toLowerCase(),
        port,
        type,
        fingerprint,
        confirmedAt: new Date(now()).toISOString(),
        confirmedBy: by,
      };
      await file.save({ ...file.value, keys: [...file.value.keys, key] });
    },
    async forget(id) {
      const keys = file.value.keys.filter((one) => one.id !== id);
      if (keys.length === file.value.keys.length) throw new OutrunnerError('not-found');
      await file.save({ ...file.value, keys });
    },
  };
}
