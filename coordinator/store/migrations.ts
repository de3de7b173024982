import type { Migration } from 'kysely/migration';
import { firstTables } from './migrations/2026-11-first-tables.ts';
import { priorityAndOutputLimit } from './migrations/2026-11-priority-and-output-limit.ts';
import { shortJournals } from './migrations/2026-11-short-journals.ts';
import { sshHostKeys } from './migrations/2026-11-ssh-host-keys.ts';
import { upgrades } from './migrations/2026-11-upgrades.ts';
import { whomAgentsBelieve } from './migrations/2026-11-whom-agents-believe.ts';

/**
 * Every change of the tables, by name; they run in the order of their names. A migration that was released is never edited:
 * the next change is a new one. The types of the tables after the last one are in `schema.ts`.
 */
export const MIGRATIONS: Record<string, Migration> = {
  '2026-11-first-tables': firstTables,
  '2026-11-priority-and-output-limit': priorityAndOutputLimit,
  '2026-11-short-journals': shortJournals,
  '2026-11-ssh-host-keys': sshHostKeys,
  '2026-11-upgrades': upgrades,
  '2026-11-whom-agents-believe': whomAgentsBelieve,
};
