import type { Migration } from 'kysely/migration';

/** What each agent believes of the coordinator. Null: nothing was noted; such an agent believes the coordinator's first key. */
export const whomAgentsBelieve: Migration = {
  async up({ schema }) {
    await schema.alterTable('replica').addColumn('believed_key', 'text').execute();
    await schema.alterTable('replica').addColumn('trust_serial', 'integer').execute();
    await schema.alterTable('replica').addColumn('trust_problem', 'text').execute();
  },
};
