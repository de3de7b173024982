import type { Migration } from 'kysely/migration';

/** Executions get a priority and a limit of output. */
export const priorityAndOutputLimit: Migration = {
  async up({ schema }) {
    await schema
      .alterTable('execution')
      .addColumn('priority', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
    await schema
      .alterTable('execution')
      .addColumn('output_limit', 'text', (column) => column.notNull().defaultTo('{}'))
      .execute();
  },
};
