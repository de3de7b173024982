import type { Migration } from 'kysely/migration';

/** Host keys that somebody confirmed, for installations over SSH. */
export const sshHostKeys: Migration = {
  async up({ schema }) {
    await schema
      .createTable('ssh_host_key')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('host', 'text', (column) => column.notNull())
      .addColumn('port', 'integer', (column) => column.notNull())
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('fingerprint', 'text', (column) => column.notNull())
      .addColumn('confirmed_at', 'bigint', (column) => column.notNull())
      .addColumn('confirmed_by', 'text', (column) => column.notNull())
      .execute();
    await schema.createIndex('ssh_host_key_by_host').on('ssh_host_key').columns(['host', 'port']).unique().execute();
  },
};
