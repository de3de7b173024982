import type { Migration } from 'kysely/migration';

/** Short journals live in the database. No foreign key: a journal is kept whatever becomes of what it tells about. */
export const shortJournals: Migration = {
  async up({ schema }) {
    await schema
      .createTable('journal_piece')
      .addColumn('operation_id', 'text', (column) => column.notNull())
      .addColumn('number', 'integer', (column) => column.notNull())
      .addColumn('bytes', 'blob', (column) => column.notNull())
      .addPrimaryKeyConstraint('journal_piece_key', ['operation_id', 'number'])
      .execute();
  },
};
