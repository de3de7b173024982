import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from '../../protocol/clock.ts';
import { OWNER_TICKET_FILE } from '../../protocol/data-folder.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { generatePassword, hashPassword } from '../identity/password.ts';
import { StartError } from '../start-error.ts';
import type { DataFolder } from '../store/data-folder.ts';
import { isMissing } from '../store/private-files.ts';
import type { Store } from '../store/store.ts';
import { SAMPLE_JOBS } from './sample-jobs.ts';

export interface FirstStartDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly folder: Pick<DataFolder, 'ownerTicketPath' | 'writePrivate'>;
}

/**
 * The ticket that signs the owner in: whoever can read the file is the owner. Made when it is not there (also after
 * somebody deleted it, which is how a ticket is changed). @throws StartError when it cannot be read.
 */
export function openOwnerTicket(folder: FirstStartDeps['folder']): string {
  try {
    const ticket = readFileSync(folder.ownerTicketPath, 'utf8').trim();
    if (ticket.length >= 32) return ticket;
  } catch (cause) {
    if (!isMissing(cause))
      throw new StartError('data', `The owner ticket ${folder.ownerTicketPath} cannot be read.`, cause);
  }
  const made = `oro_${randomBytes(32).toString('base64url')}`;
  folder.writePrivate(OWNER_TICKET_FILE, `${made}\n`);
  return made;
}

/** Makes the owner and the project *Welcome* with its sample jobs, once in the life of a data folder. */
export async function makeWelcome({ store, clock }: FirstStartDeps): Promise<void> {
  const known = await store.read.selectFrom('account').select('id').where('role', '=', 'owner').executeTakeFirst();
  if (known !== undefined) return;
  const now = clock.now();
  const projectId = randomUUID();
  await store.write(async (tx) => {
    await tx
      .insertInto('account')
      .values({
        id: randomUUID(),
        name: 'owner',
        name_key: 'owner',
        role: 'owner',
        password_hash: null,
        created_at: now,
      })
      .execute();
    await tx
      .insertInto('project')
      .values({
        id: projectId,
        name: 'Welcome',
        name_key: sameNameKey('Welcome'),
        label: 'Welcome',
        description: 'A place to try things: assign a Runner and run one of the sample jobs.',
        selection: 'automatic',
        created_at: now,
        updated_at: now,
      })
      .execute();
    for (const job of SAMPLE_JOBS) {
      await tx
        .insertInto('job')
        .values({
          id: randomUUID(),
          project_id: projectId,
          group_path: job.group,
          name: job.name,
          name_key: sameNameKey(job.name),
          definition: JSON.stringify(job),
          version: 1,
          created_at: now,
          updated_at: now,
        })
        .execute();
    }
  });
}

/**
 * Makes the account `admin` with a password that nobody chose and resolves with it, once in the life of a data folder; null
 * when it is there already. Apart from {@link makeWelcome} because hashing takes a third of a second on purpose, and the
 * first answer need not wait for it.
 */
export async function makeAdmin({ store, clock }: FirstStartDeps): Promise<string | null> {
  const made = await store.read.selectFrom('meta').select('key').where('key', '=', 'admin-made').executeTakeFirst();
  if (made !== undefined) return null;
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  await store.write(async (tx) => {
    const id = randomUUID();
    await tx
      .insertInto('account')
      .values({
        id,
        name: 'admin',
        name_key: 'admin',
        role: 'admin',
        password_hash: passwordHash,
        created_at: clock.now(),
      })
      .execute();
    // Kept apart from the account: an admin who was removed later does not come back with a new password.
    await tx.insertInto('meta').values({ key: 'admin-made', value: id }).execute();
  });
  return password;
}
