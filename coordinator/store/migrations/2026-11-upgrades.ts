import type { Migration } from 'kysely/migration';

/** Upgrades of agents. No foreign keys to Runners and replicas: what was done is told also after they are gone. */
export const upgrades: Migration = {
  async up({ schema }) {
    await schema
      .createTable('upgrade')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('reason', 'text')
      .addColumn('rings', 'text', (column) => column.notNull())
      .addColumn('ring', 'integer', (column) => column.notNull())
      .addColumn('ring_since', 'integer', (column) => column.notNull())
      .addColumn('accepted_failures', 'integer', (column) => column.notNull())
      .addColumn('allow_downgrade', 'integer', (column) => column.notNull())
      .addColumn('wait_seconds', 'integer', (column) => column.notNull())
      .addColumn('trial_seconds', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'integer', (column) => column.notNull())
      .addColumn('created_by', 'text', (column) => column.notNull())
      .addColumn('ended_at', 'integer')
      .execute();
    await schema
      .createTable('upgrade_replica')
      .addColumn('upgrade_id', 'text', (column) => column.notNull().references('upgrade.id').onDelete('cascade'))
      .addColumn('replica_id', 'text', (column) => column.notNull())
      .addColumn('runner_id', 'text', (column) => column.notNull())
      .addColumn('runner_name', 'text', (column) => column.notNull())
      .addColumn('hostname', 'text', (column) => column.notNull())
      .addColumn('ring', 'integer', (column) => column.notNull())
      .addColumn('from_version', 'text', (column) => column.notNull())
      .addColumn('phase', 'text', (column) => column.notNull())
      .addColumn('detail', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('upgrade_replica_key', ['upgrade_id', 'replica_id'])
      .execute();
  },
};
