import type { Generated } from 'kysely';

/**
 * The tables, as types for queries. One place, so that the rooms of the coordinator agree on columns; the migration that
 * makes them is `migrations.ts`. Rules that hold on both engines: ids are UUIDs in text, times are integers (milliseconds
 * since the epoch, UTC), booleans are 0 or 1, JSON is text that is parsed by a schema of `protocol/` when it is read.
 */

type Flag = 0 | 1;
type Json = string;

export interface AccountTable {
  id: string;
  name: string;
  name_key: string;
  role: 'owner' | 'admin';
  /** PHC-like scrypt text; null: signs in by ticket alone. */
  password_hash: string | null;
  created_at: number;
}

export interface SessionTable {
  id: string;
  account_id: string;
  /** SHA-256, hex, of the opaque token. */
  secret_hash: string;
  carrier: 'cookie' | 'bearer';
  csrf: string;
  created_at: number;
  expires_at: number;
  last_used_at: number;
}

/** One-time tickets that sign their maker in elsewhere. */
export interface SignInLinkTable {
  secret_hash: string;
  account_id: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
}

export interface TokenTable {
  id: string;
  account_id: string;
  name: string;
  scope: 'read' | 'full';
  secret_hash: string;
  hint: string;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
}

export interface ProjectTable {
  id: string;
  name: string;
  name_key: string;
  label: string;
  description: string;
  selection: 'automatic' | 'manual';
  created_at: number;
  updated_at: number;
}

export interface RunnerTable {
  id: string;
  name: string;
  name_key: string;
  description: string;
  max_operations: number;
  replica_mode: 'single' | 'several' | 'ephemeral';
  mode: 'active' | 'paused' | 'draining';
  mode_reason: string | null;
  mode_by: string | null;
  mode_until: number | null;
  mode_since: number | null;
  /** The status as it was last announced and since when: only for `statusSince`, never for decisions. */
  status_last: string;
  status_since: number;
  created_at: number;
  updated_at: number;
}

export interface RunnerTagTable {
  runner_id: string;
  position: number;
  tag: string;
  tag_key: string;
}

export interface AssignmentTable {
  runner_id: string;
  project_id: string;
  as_node: Flag;
  remote_dispatch: Flag;
  node_filter: string;
}

export interface EnrolmentTable {
  id: string;
  runner_id: string;
  /** SHA-256, hex, of the single-use token. */
  token_hash: string;
  created_at: number;
  expires_at: number;
  downloaded_at: number | null;
  used_at: number | null;
  revoked_at: number | null;
  /** Who used it. */
  replica_id: string | null;
}

export interface ReplicaTable {
  id: string;
  runner_id: string;
  signing_key: string;
  sealing_key: string;
  /** HostFacts as last reported. */
  facts: Json;
  address: string | null;
  enrolled_at: number;
  started_at: number | null;
  revoked_at: number | null;
  /** Written in batches and at shutdown; the live value is the gateway's. */
  last_seen: number | null;
  said_goodbye: Flag;
  /** Number of the last session. */
  epoch: number;
  duplicate_seen_at: number | null;
  maximum: number;
  /** The newest key of the coordinator that its agent believes; null: the coordinator's first. */
  believed_key: Generated<string | null>;
  /** Of the trust statement that its agent holds; null: its agent says nothing of it, and cannot be told of other keys. */
  trust_serial: Generated<number | null>;
  /** Why its agent does not use what was announced last. */
  trust_problem: Generated<string | null>;
}

/** Agents that were turned away, so that the wizard can name the cause. */
export interface RefusalTable {
  id: Generated<number>;
  runner_id: string | null;
  at: number;
  code: string;
  detail: string;
  address: string;
}

export interface JobTable {
  id: string;
  project_id: string;
  group_path: string;
  name: string;
  name_key: string;
  /** JobInput as JSON, all defaults filled in. */
  definition: Json;
  version: number;
  created_at: number;
  updated_at: number;
}

export interface ExecutionTable {
  id: string;
  number: number;
  project_id: string;
  project_name: string;
  kind: 'job' | 'command' | 'script';
  job_id: string | null;
  job_name: string | null;
  title: string;
  state: 'scheduled' | 'queued' | 'running' | 'stopping' | 'succeeded' | 'failed' | 'aborted' | 'timedout' | 'lost';
  reason: string;
  user_id: string;
  user_name: string;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  runner_id: string | null;
  runner_name: string | null;
  replica_id: string | null;
  replica_hostname: string | null;
  /** JSON list of text. */
  runner_tags: Json;
  options: Json;
  workflow: Json;
  priority: number;
  output_limit: Json;
  queue_deadline: number;
  lease_seconds: number;
  grace_seconds: number;
  survivors: Json;
  notes: Json;
  cancel_asked_at: number | null;
  cancel_reason: string | null;
}

export interface ExecutionStepTable {
  execution_id: string;
  position: number;
  type: 'command' | 'script';
  label: string;
  state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'aborted' | 'timedout' | 'skipped' | 'lost';
  started_at: number | null;
  ended_at: number | null;
  exit_code: number | null;
  signal: string | null;
  reason: string | null;
  detail: string;
}

export interface OperationTable {
  id: string;
  execution_id: string;
  attempt: number;
  state: 'pending' | 'offered' | 'accepted' | 'started' | 'ended';
  runner_id: string | null;
  replica_id: string | null;
  created_at: number;
  offered_at: number | null;
  accepted_at: number | null;
  ended_at: number | null;
  /** When it counts as lost unless its agent is heard of; the live value is the gateway's, this one is for restarts. */
  lease_until: number | null;
  /** Set when `finished` is stored: size of the whole journal. */
  journal_bytes: number | null;
  journal_records: number | null;
}

/** Whole records of a short journal, as they came. A journal that has none here is a file: see `../journals`. */
export interface JournalPieceTable {
  operation_id: string;
  /** Number of its first record. */
  number: number;
  bytes: Uint8Array;
}

/** A host key that somebody confirmed; one for each host and port. */
export interface SshHostKeyTable {
  id: string;
  /** In lower case. */
  host: string;
  port: number;
  type: string;
  /** SHA-256 as OpenSSH writes it. */
  fingerprint: string;
  confirmed_at: number;
  /** Name of the account. */
  confirmed_by: string;
}

export interface UpgradeTable {
  id: string;
  version: string;
  state: 'running' | 'paused' | 'finished' | 'cancelled';
  reason: string | null;
  rings: Json;
  ring: number;
  /** When the ring that is under way began. */
  ring_since: number;
  /** So many failures somebody has seen and gone on all the same. */
  accepted_failures: number;
  allow_downgrade: Flag;
  wait_seconds: number;
  trial_seconds: number;
  created_at: number;
  created_by: string;
  ended_at: number | null;
}

export interface UpgradeReplicaTable {
  upgrade_id: string;
  replica_id: string;
  runner_id: string;
  runner_name: string;
  hostname: string;
  ring: number;
  from_version: string;
  phase: 'pending' | 'downloading' | 'waiting' | 'switching' | 'checked-in' | 'failed' | 'skipped';
  detail: string;
  updated_at: number;
}

export interface IdempotencyTable {
  account_id: string;
  key: string;
  request_hash: string;
  status: number;
  body: string;
  created_at: number;
}

export interface MetaTable {
  key: string;
  value: string;
}

export interface Database {
  account: AccountTable;
  session: SessionTable;
  sign_in_link: SignInLinkTable;
  token: TokenTable;
  project: ProjectTable;
  runner: RunnerTable;
  runner_tag: RunnerTagTable;
  assignment: AssignmentTable;
  enrolment: EnrolmentTable;
  replica: ReplicaTable;
  refusal: RefusalTable;
  job: JobTable;
  execution: ExecutionTable;
  execution_step: ExecutionStepTable;
  operation: OperationTable;
  journal_piece: JournalPieceTable;
  ssh_host_key: SshHostKeyTable;
  upgrade: UpgradeTable;
  upgrade_replica: UpgradeReplicaTable;
  idempotency: IdempotencyTable;
  meta: MetaTable;
}
