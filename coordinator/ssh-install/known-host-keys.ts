import { randomUUID } from 'node:crypto';
import type { KnownHostKey, SshHostKey } from '../../protocol/api/ssh-installs.ts';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { SshHostKeyTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { isoTime } from '../store/stored-forms.ts';
import type { Address } from './explain-connection.ts';

/** The host keys that somebody confirmed: one for each host and port. */
export class KnownHostKeys {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async find({ host, port }: Address): Promise<KnownHostKey | null> {
    const row = await this.#store.read
      .selectFrom('ssh_host_key')
      .selectAll()
      .where('host', '=', host.toLowerCase())
      .where('port', '=', port)
      .executeTakeFirst();
    return row === undefined ? null : viewOf(row);
  }

  async list(): Promise<KnownHostKey[]> {
    const rows = await this.#store.read
      .selectFrom('ssh_host_key')
      .selectAll()
      .orderBy('host')
      .orderBy('port')
      .execute();
    return rows.map(viewOf);
  }

  /** Keeps a key for a host that has none. @throws OutrunnerError `ssh-host-key-changed` when it has another one meanwhile. */
  async remember({ host, port }: Address, key: SshHostKey, by: string): Promise<void> {
    const row: SshHostKeyTable = {
      id: randomUUID(),
      host: host.toLowerCase(),
      port,
      type: key.type,
      fingerprint: key.fingerprint,
      confirmed_at: this.#clock.now(),
      confirmed_by: by,
    };
    await this.#store.write(async (tx) => {
      const same = tx.selectFrom('ssh_host_key').selectAll().where('host', '=', row.host).where('port', '=', port);
      const known = await same.executeTakeFirst();
      if (known === undefined) await tx.insertInto('ssh_host_key').values(row).execute();
      else if (known.fingerprint !== row.fingerprint) throw new OutrunnerError('ssh-host-key-changed');
    });
  }

  /** @throws OutrunnerError `not-found`. */
  async forget(id: string): Promise<void> {
    await this.#store.write(async (tx) => {
      const gone = await tx.deleteFrom('ssh_host_key').where('id', '=', id).executeTakeFirst();
      if (gone.numDeletedRows === 0n) throw new OutrunnerError('not-found');
    });
  }
}

function viewOf(row: SshHostKeyTable): KnownHostKey {
  const { id, host, port, type, fingerprint } = row;
  return {
    id,
    host,
    port,
    type,
    fingerprint,
    confirmedAt: isoTime(row.confirmed_at),
    confirmedBy: row.confirmed_by,
  };
}
