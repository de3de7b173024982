import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The tables of the first version. Types that both engines know: text, integer, bigint. */
export const firstTables: Migration = {
  async up(db: Kysely<unknown>) {
    const { schema } = db;
    await schema
      .createTable('meta')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('value', 'text', (column) => column.notNull())
      .execute();
    await identityTables(db);
    await runnerTables(db);
    await jobTables(db);
    await executionTables(db);
  },
};

async function identityTables({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('account')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('name_key', 'text', (column) => column.notNull().unique())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('password_hash', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('session')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('account_id', 'text', (column) => column.notNull().references('account.id').onDelete('cascade'))
    .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
    .addColumn('carrier', 'text', (column) => column.notNull())
    .addColumn('csrf', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('session_expires').on('session').column('expires_at').execute();
  await schema
    .createTable('sign_in_link')
    .addColumn('secret_hash', 'text', (column) => column.primaryKey())
    .addColumn('account_id', 'text', (column) => column.notNull().references('account.id').onDelete('cascade'))
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint')
    .execute();
  await schema
    .createTable('token')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('account_id', 'text', (column) => column.notNull().references('account.id').onDelete('cascade'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
    .addColumn('hint', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .execute();
  await schema.createIndex('token_account').on('token').columns(['account_id', 'created_at']).execute();
  await schema
    .createTable('idempotency')
    .addColumn('account_id', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('request_hash', 'text', (column) => column.notNull())
    .addColumn('status', 'integer', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotency_key', ['account_id', 'key'])
    .execute();
  await schema.createIndex('idempotency_created').on('idempotency').column('created_at').execute();
}

async function runnerTables({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('project')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('name_key', 'text', (column) => column.notNull().unique())
    .addColumn('label', 'text', (column) => column.notNull())
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('selection', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('runner')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('name_key', 'text', (column) => column.notNull().unique())
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('max_operations', 'integer', (column) => column.notNull())
    .addColumn('replica_mode', 'text', (column) => column.notNull())
    .addColumn('mode', 'text', (column) => column.notNull())
    .addColumn('mode_reason', 'text')
    .addColumn('mode_by', 'text')
    .addColumn('mode_until', 'bigint')
    .addColumn('mode_since', 'bigint')
    .addColumn('status_last', 'text', (column) => column.notNull())
    .addColumn('status_since', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('runner_tag')
    .addColumn('runner_id', 'text', (column) => column.notNull().references('runner.id').onDelete('cascade'))
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('tag', 'text', (column) => column.notNull())
    .addColumn('tag_key', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('runner_tag_key', ['runner_id', 'tag_key'])
    .execute();
  await schema.createIndex('runner_tag_by_key').on('runner_tag').column('tag_key').execute();
  await schema
    .createTable('assignment')
    .addColumn('runner_id', 'text', (column) => column.notNull().references('runner.id').onDelete('cascade'))
    .addColumn('project_id', 'text', (column) => column.notNull().references('project.id').onDelete('cascade'))
    .addColumn('as_node', 'integer', (column) => column.notNull())
    .addColumn('remote_dispatch', 'integer', (column) => column.notNull())
    .addColumn('node_filter', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('assignment_key', ['runner_id', 'project_id'])
    .execute();
  await schema.createIndex('assignment_by_project').on('assignment').column('project_id').execute();
  await schema
    .createTable('replica')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('runner_id', 'text', (column) => column.notNull().references('runner.id').onDelete('cascade'))
    .addColumn('signing_key', 'text', (column) => column.notNull())
    .addColumn('sealing_key', 'text', (column) => column.notNull())
    .addColumn('facts', 'text', (column) => column.notNull())
    .addColumn('address', 'text')
    .addColumn('enrolled_at', 'bigint', (column) => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('last_seen', 'bigint')
    .addColumn('said_goodbye', 'integer', (column) => column.notNull())
    .addColumn('epoch', 'integer', (column) => column.notNull())
    .addColumn('duplicate_seen_at', 'bigint')
    .addColumn('maximum', 'integer', (column) => column.notNull())
    .execute();
  await schema.createIndex('replica_by_runner').on('replica').columns(['runner_id', 'revoked_at']).execute();
  await schema
    .createTable('enrolment')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('runner_id', 'text', (column) => column.notNull().references('runner.id').onDelete('cascade'))
    .addColumn('token_hash', 'text', (column) => column.notNull().unique())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('downloaded_at', 'bigint')
    .addColumn('used_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('replica_id', 'text')
    .execute();
  await schema.createIndex('enrolment_by_runner').on('enrolment').columns(['runner_id', 'created_at']).execute();
  await schema
    .createTable('refusal')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('runner_id', 'text', (column) => column.references('runner.id').onDelete('cascade'))
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('code', 'text', (column) => column.notNull())
    .addColumn('detail', 'text', (column) => column.notNull())
    .addColumn('address', 'text', (column) => column.notNull())
    .execute();
  await schema.createIndex('refusal_by_runner').on('refusal').columns(['runner_id', 'id']).execute();
}

async function jobTables({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('job')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('project_id', 'text', (column) => column.notNull().references('project.id').onDelete('cascade'))
    .addColumn('group_path', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('name_key', 'text', (column) => column.notNull())
    .addColumn('definition', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  // The same name may stand in two groups, as in two folders.
  await schema.createIndex('job_name').unique().on('job').columns(['project_id', 'group_path', 'name_key']).execute();
}

/** Executions outlive their project, job and Runner: no foreign keys to those, and the names as they were then. */
async function executionTables(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable('execution')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('number', 'integer', (column) => column.notNull().unique())
    .addColumn('project_id', 'text', (column) => column.notNull())
    .addColumn('project_name', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('job_id', 'text')
    .addColumn('job_name', 'text')
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('user_id', 'text', (column) => column.notNull())
    .addColumn('user_name', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('runner_id', 'text')
    .addColumn('runner_name', 'text')
    .addColumn('replica_id', 'text')
    .addColumn('replica_hostname', 'text')
    .addColumn('runner_tags', 'text', (column) => column.notNull())
    .addColumn('options', 'text', (column) => column.notNull())
    .addColumn('workflow', 'text', (column) => column.notNull())
    .addColumn('queue_deadline', 'bigint', (column) => column.notNull())
    .addColumn('lease_seconds', 'integer', (column) => column.notNull())
    .addColumn('grace_seconds', 'integer', (column) => column.notNull())
    .addColumn('survivors', 'text', (column) => column.notNull())
    .addColumn('notes', 'text', (column) => column.notNull())
    .addColumn('cancel_asked_at', 'bigint')
    .addColumn('cancel_reason', 'text')
    .execute();
  const executionsBy = (name: string, columns: string[]) =>
    schema
      .createIndex(`execution_by_${name}`)
      .on('execution')
      .columns([...columns, 'created_at'])
      .execute();
  await executionsBy('created', []);
  await executionsBy('state', ['state']);
  await executionsBy('project', ['project_id']);
  await executionsBy('job', ['job_id']);
  await executionsBy('runner', ['runner_id']);
  // Few of very many executions are active: what asks for them reads these alone.
  await sql`create index execution_active on execution (project_id, state)
    where state in ('scheduled', 'queued', 'running', 'stopping')`.execute(db);
  await schema
    .createTable('execution_step')
    .addColumn('execution_id', 'text', (column) => column.notNull().references('execution.id').onDelete('cascade'))
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('label', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('exit_code', 'integer')
    .addColumn('signal', 'text')
    .addColumn('reason', 'text')
    .addColumn('detail', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('execution_step_key', ['execution_id', 'position'])
    .execute();
  await schema
    .createTable('operation')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('execution_id', 'text', (column) => column.notNull().references('execution.id').onDelete('cascade'))
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('runner_id', 'text')
    .addColumn('replica_id', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('offered_at', 'bigint')
    .addColumn('accepted_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('lease_until', 'bigint')
    .addColumn('journal_bytes', 'bigint')
    .addColumn('journal_records', 'bigint')
    .execute();
  await schema.createIndex('operation_by_execution').on('operation').column('execution_id').execute();
  await schema.createIndex('operation_by_state').on('operation').columns(['state', 'created_at']).execute();
  await schema.createIndex('operation_by_replica').on('operation').columns(['replica_id', 'state']).execute();
}
