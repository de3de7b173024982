import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { NewTokenSchema, Token } from '../../protocol/api/identity.ts';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { TokenTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { isoTime } from '../store/stored-forms.ts';
import { hashSecret, newSecret } from './secrets.ts';

const DAY_MS = 86_400_000;
/** Characters of a token that stay visible, so that its owner knows which one it is. */
const HINT_LENGTH = 8;

interface TokenDeps {
  readonly store: Store;
  readonly clock: Clock;
}

/** The tokens of an account, newest first. */
export async function listTokens({ store }: TokenDeps, accountId: string): Promise<Token[]> {
  const rows = await store.read
    .selectFrom('token')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
  return rows.map(tokenView);
}

/** Makes a token. Its secret is in the answer and nowhere else. */
export async function createToken(
  { store, clock }: TokenDeps,
  accountId: string,
  input: z.output<typeof NewTokenSchema>,
): Promise<{ token: Token; secret: string }> {
  const secret = newSecret('token');
  const now = clock.now();
  const row: TokenTable = {
    id: randomUUID(),
    account_id: accountId,
    name: input.name,
    scope: input.scope,
    secret_hash: hashSecret(secret),
    hint: secret.slice(0, HINT_LENGTH),
    created_at: now,
    expires_at: input.expiresInDays === null ? null : now + input.expiresInDays * DAY_MS,
    last_used_at: null,
  };
  await store.write((tx) => tx.insertInto('token').values(row).execute());
  return { token: tokenView(row), secret };
}

/** Revokes a token of the account at once. @throws OutrunnerError `not-found` also for a token of somebody else. */
export async function deleteToken({ store }: TokenDeps, accountId: string, id: string): Promise<void> {
  const gone = await store.write((tx) =>
    tx.deleteFrom('token').where('id', '=', id).where('account_id', '=', accountId).returning('id').executeTakeFirst(),
  );
  if (gone === undefined) throw new OutrunnerError('not-found', { detail: 'There is no such token.' });
}

function tokenView(row: TokenTable): Token {
  return {
    id: row.id,
    name: row.name,
    scope: row.scope,
    createdAt: isoTime(row.created_at),
    expiresAt: isoTime(row.expires_at),
    lastUsedAt: isoTime(row.last_used_at),
    hint: row.hint,
  };
}
