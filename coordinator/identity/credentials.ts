import type { Clock, Timer } from '../../protocol/clock.ts';
import type { Caller } from '../http/call.ts';
import type { Credentials } from '../http/check-caller.ts';
import { preparedQuery } from '../store/prepared-query.ts';
import type { Store } from '../store/store.ts';
import { hashSecret, SECRET_PREFIX } from './secrets.ts';

/** How often "last used" is written: it is for people, and a write for each request would be waste. */
const LAST_USED_EVERY_MS = 60_000;

type Holder = { id: string; accountId: string; name: string; role: 'owner' | 'admin' };

const sessionOf = preparedQuery<{ hash: string; carrier: 'cookie' | 'bearer'; now: number }, Holder & { csrf: string }>(
  (db, value) =>
    db
      .selectFrom('session')
      .innerJoin('account', 'account.id', 'session.account_id')
      .select(['session.id', 'session.csrf', 'account.id as accountId', 'account.name', 'account.role'])
      .where('session.secret_hash', '=', value('hash'))
      .where('session.carrier', '=', value('carrier'))
      .where('session.expires_at', '>', value('now')),
);

const tokenOf = preparedQuery<{ hash: string; now: number }, Holder & { scope: 'read' | 'full' }>((db, value) =>
  db
    .selectFrom('token')
    .innerJoin('account', 'account.id', 'token.account_id')
    .select(['token.id', 'token.scope', 'account.id as accountId', 'account.name', 'account.role'])
    .where('token.secret_hash', '=', value('hash'))
    .where((where) => where.or([where('token.expires_at', 'is', null), where('token.expires_at', '>', value('now'))])),
);

/** Finds who holds a session or token, and remembers when it was last used. */
export class StoredCredentials implements Credentials {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #used = { session: new Map<string, number>(), token: new Map<string, number>() };
  readonly #timer: Timer;
  readonly #failed: (error: unknown) => void;

  constructor(store: Store, clock: Clock, failed: (error: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#failed = failed;
    this.#timer = clock.every(LAST_USED_EVERY_MS, () => void this.save().catch(failed));
  }

  async find(secret: string, carrier: 'cookie' | 'bearer'): Promise<Caller | null> {
    if (secret.startsWith(SECRET_PREFIX.token)) return carrier === 'bearer' ? this.#token(secret) : null;
    return this.#session(secret, carrier);
  }

  async #session(secret: string, carrier: 'cookie' | 'bearer'): Promise<Caller | null> {
    const now = this.#clock.now();
    const [row] = (await sessionOf(this.#store.read, { hash: hashSecret(secret), carrier, now })).rows;
    if (row === undefined) return null;
    this.#used.session.set(row.id, now);
    return {
      account: { id: row.accountId, name: row.name, role: row.role },
      credential: carrier === 'cookie' ? 'cookie' : 'session',
      credentialId: row.id,
      scope: 'full',
      csrf: carrier === 'cookie' ? row.csrf : null,
    };
  }

  async #token(secret: string): Promise<Caller | null> {
    const now = this.#clock.now();
    const [row] = (await tokenOf(this.#store.read, { hash: hashSecret(secret), now })).rows;
    if (row === undefined) return null;
    this.#used.token.set(row.id, now);
    return {
      account: { id: row.accountId, name: row.name, role: row.role },
      credential: 'token',
      credentialId: row.id,
      scope: row.scope,
      csrf: null,
    };
  }

  /** Writes when credentials were last used, and forgets sessions that have ended. */
  async save(): Promise<void> {
    const sessions = [...this.#used.session];
    const tokens = [...this.#used.token];
    this.#used.session.clear();
    this.#used.token.clear();
    if (sessions.length + tokens.length === 0) return;
    const now = this.#clock.now();
    await this.#store.write(async (tx) => {
      for (const [id, at] of sessions)
        await tx.updateTable('session').set({ last_used_at: at }).where('id', '=', id).execute();
      for (const [id, at] of tokens)
        await tx.updateTable('token').set({ last_used_at: at }).where('id', '=', id).execute();
      await tx.deleteFrom('session').where('expires_at', '<=', now).execute();
      await tx.deleteFrom('sign_in_link').where('expires_at', '<=', now).execute();
    });
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    this.#timer.cancel();
    await this.save().catch(this.#failed);
  }
}
