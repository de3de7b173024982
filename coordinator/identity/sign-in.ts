import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { Clock } from '../../protocol/clock.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { AccountTable, Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { isPassword } from './password.ts';
import { hashSecret, newSecret } from './secrets.ts';

/** How long a one-time link signs in, in milliseconds. */
export const LINK_LIVES_MS = 5 * 60_000;

export interface IdentityDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly sessionLifetimeMs: number;
  /** Signs the owner in; it lies in a file that only the owner can read. */
  readonly ownerTicket: string;
}

export interface NewSession {
  readonly account: AccountTable;
  readonly secret: string;
  readonly csrf: string;
  readonly expiresAt: number;
}

export type SignInProof = { readonly ticket: string } | { readonly name: string; readonly password: string };

/**
 * Begins a session. Its secret is always a new one, and `formerSession` (what the browser had before) ends: nobody can be
 * given a session that somebody else knows. @throws OutrunnerError `sign-in-refused`, the same for every cause.
 */
export async function signIn(
  deps: IdentityDeps,
  proof: SignInProof,
  carrier: 'cookie' | 'bearer',
  formerSession: string | null,
): Promise<NewSession> {
  const checked = 'ticket' in proof ? null : await accountByPassword(deps, proof.name, proof.password);
  const now = deps.clock.now();
  return deps.store.write(async (tx) => {
    const account = 'ticket' in proof ? await accountByTicket(deps, tx, proof.ticket) : checked;
    if (account === null) throw new OutrunnerError('sign-in-refused');
    if (formerSession !== null) {
      await tx.deleteFrom('session').where('secret_hash', '=', hashSecret(formerSession)).execute();
    }
    const secret = newSecret('session');
    const csrf = randomBytes(32).toString('base64url');
    const expiresAt = now + deps.sessionLifetimeMs;
    await tx
      .insertInto('session')
      .values({
        id: randomUUID(),
        account_id: account.id,
        secret_hash: hashSecret(secret),
        carrier,
        csrf,
        created_at: now,
        expires_at: expiresAt,
        last_used_at: now,
      })
      .execute();
    return { account, secret, csrf, expiresAt };
  });
}

/** Makes a ticket that signs `accountId` in once, elsewhere, within five minutes. */
export async function createSignInLink(
  deps: IdentityDeps,
  accountId: string,
): Promise<{ ticket: string; expiresAt: number }> {
  const ticket = newSecret('ticket');
  const now = deps.clock.now();
  const expiresAt = now + LINK_LIVES_MS;
  await deps.store.write((tx) =>
    tx
      .insertInto('sign_in_link')
      .values({
        secret_hash: hashSecret(ticket),
        account_id: accountId,
        created_at: now,
        expires_at: expiresAt,
        used_at: null,
      })
      .execute(),
  );
  return { ticket, expiresAt };
}

async function accountByPassword(deps: IdentityDeps, name: string, password: string): Promise<AccountTable | null> {
  const account = await deps.store.read
    .selectFrom('account')
    .selectAll()
    .where('name_key', '=', sameNameKey(name))
    .executeTakeFirst();
  const right = await isPassword(password, account?.password_hash ?? null);
  return right && account !== undefined ? account : null;
}

async function accountByTicket(
  deps: IdentityDeps,
  tx: Transaction<Database>,
  ticket: string,
): Promise<AccountTable | null> {
  const hash = hashSecret(ticket);
  if (timingSafeEqual(Buffer.from(hash), Buffer.from(hashSecret(deps.ownerTicket)))) {
    return (await tx.selectFrom('account').selectAll().where('role', '=', 'owner').executeTakeFirst()) ?? null;
  }
  const now = deps.clock.now();
  const used = await tx
    .updateTable('sign_in_link')
    .set({ used_at: now })
    .where('secret_hash', '=', hash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning('account_id')
    .executeTakeFirst();
  if (used === undefined) return null;
  return (await tx.selectFrom('account').selectAll().where('id', '=', used.account_id).executeTakeFirst()) ?? null;
}
