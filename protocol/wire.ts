import { z } from 'zod';
import { HostFactsSchema } from './enrolment.ts';
import { IdSchema } from './fields.ts';
import { type ProblemCode, ProblemCodeSchema } from './problems.ts';
import { ToldTrustSchema, TrustAnnouncementSchema } from './trust.ts';
import { PublicKeySchema, SignatureSchema } from './trust-fields.ts';
import { UpgradableSchema, UpgradeReportSchema } from './upgrade.ts';

/**
 * What coordinator and agent say to each other on `/runner/v1/connect`, or where that does not get through by long polling
 * (`polling.ts`): JSON text messages, one union per direction, and
 * binary frames for the journal. Each end validates what it hears. Unknown fields are ignored, an unknown `type` is
 * answered with `error` and not with silence.
 *
 * Handshake: `challenge` → `hello` (signed by the replica) → `welcome` (signed by the coordinator) or `rejected` and close.
 * Then, in any order: `heartbeat` from the agent; `operation` ⇄ `accepted`/`refused`, later perhaps `returned`; journal frames ⇄ `ack`/`resume-from`;
 * `cancel`; `ping` ⇄ `pong`; `upgrade`/`upgrade-cancel` ⇄ `upgrade-report`, and `upgrade-noted`; `trust` → `trust-noted`; `goodbye` from the agent before it leaves.
 */

export const CONNECT_PATH = '/runner/v1/connect';
export const ENROL_PATH = '/runner/v1/enrol';
/** Text messages over this many bytes are refused by both ends. */
export const MAX_MESSAGE_BYTES = 4 << 20;
/** Binary frames over this many bytes are refused by both ends. */
export const MAX_FRAME_BYTES = 2 << 20;

const nonce = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const operationRef = { operation: IdSchema, attempt: z.number().int().min(1) };

/** A failing or passing check that the agent makes of itself. */
export const SelfCheckSchema = z
  .object({ check: z.enum(['disk', 'clock', 'keys']), ok: z.boolean(), detail: z.string().max(500) })
  .meta({ id: 'SelfCheck' });
export type SelfCheck = z.infer<typeof SelfCheckSchema>;

const load = {
  running: z.number().int().min(0),
  queued: z.number().int().min(0),
  /** The agent's own limit on operations at once; the coordinator may set a lower one. */
  maximum: z.number().int().min(1),
};

/** What the agent holds of one operation when it connects: "I have operation X, records from `first` up to `next`". */
export const HeldOperationSchema = z.object({
  ...operationRef,
  /** Number of the oldest record that it still has. */
  first: z.number().int().min(0),
  /** Number that its next record will carry. */
  next: z.number().int().min(0),
  finished: z.boolean(),
  /** It never started here and never will: see `returned`. Said until the coordinator has acknowledged it. */
  returned: z.boolean().default(false),
});
export type HeldOperation = z.infer<typeof HeldOperationSchema>;

export const HelloSchema = z.object({
  type: z.literal('hello'),
  replica: IdSchema,
  protocol: z.number().int(),
  host: HostFactsSchema,
  /** Random, made when the process starts: tells two processes with one identity apart. */
  instance: nonce,
  /** Milliseconds since the epoch when the process started, by the agent's clock. */
  startedAt: z.number(),
  /** The agent's clock when it answered: skew is measured, shown and tolerated. */
  time: z.number(),
  nonce,
  signature: SignatureSchema,
  transport: z.enum(['websocket', 'polling']),
  /** Why it polls, for a person. */
  transportReason: z.string().max(500).optional(),
  proxy: z.string().max(300).nullable(),
  ...load,
  operations: z.array(HeldOperationSchema).max(100_000),
  /** Absent: an agent that knows nothing of upgrades. */
  upgradable: UpgradableSchema.optional(),
  /** Absent: an agent that pins one key for good, and cannot be told of another. */
  trust: ToldTrustSchema.optional(),
});
export type Hello = z.infer<typeof HelloSchema>;

export const FromAgentSchema = z.discriminatedUnion('type', [
  HelloSchema,
  z.object({
    type: z.literal('heartbeat'),
    time: z.number(),
    ...load,
    checks: z.array(SelfCheckSchema).max(10),
    /** Operations that it holds unfinished: they count as its load, and their leases are renewed. */
    operations: z.array(z.object(operationRef)).max(100_000),
    /** Operations that ended here and of which records are still owed: their leases are renewed as well. */
    delivering: z.array(z.object(operationRef)).max(100_000).default([]),
    /** false: the agent is being stopped or upgraded and refuses what is offered. */
    accepting: z.boolean().default(true),
  }),
  z.object({ type: z.literal('accepted'), ...operationRef }),
  z.object({ type: z.literal('refused'), ...operationRef, code: ProblemCodeSchema, detail: z.string().max(2000) }),
  /**
   * Hands an accepted operation back: it never started here and, whatever happens to this agent, never will. Repeated in
   * `hello` until a final `ack` comes.
   */
  z.object({ type: z.literal('returned'), ...operationRef, reason: z.string().max(500) }),
  z.object({ type: z.literal('pong'), id: z.string().max(64) }),
  UpgradeReportSchema.extend({ type: z.literal('upgrade-report') }),
  /** What it believes now, said when that has changed. `problem`: why it does not believe, or not use, what was announced. */
  ToldTrustSchema.extend({ type: z.literal('trust-noted'), problem: z.string().max(500).nullable() }),
  z.object({ type: z.literal('goodbye'), reason: z.string().max(500) }),
  z.object({ type: z.literal('error'), detail: z.string().max(2000) }),
]);
export type FromAgent = z.infer<typeof FromAgentSchema>;

/** The longest time over which agents spread what all of them do, in milliseconds; also where no other is said. */
export const LONGEST_SPREAD_MS = 20_000;

/**
 * What each agent of the fleet will do because of this message by a connection of its own, it does at a moment that it draws below
 * this: the coordinator knows how many they are. Absent in messages of coordinators that did not say it.
 */
const SpreadMsSchema = z.number().int().min(0).max(LONGEST_SPREAD_MS).optional();

export const ToAgentSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('challenge'),
    nonce,
    protocol: z.number().int(),
    oldestProtocol: z.number().int(),
    /** The coordinator's clock, milliseconds since the epoch. */
    time: z.number(),
  }),
  z.object({
    type: z.literal('welcome'),
    /** Rises with every session of this replica; a higher one evicts the lower. */
    epoch: z.number().int(),
    time: z.number(),
    heartbeatMs: z.number().int().min(100),
    /** Close and reconnect when nothing was heard for this long. */
    silenceMs: z.number().int().min(1000),
    /** Operations at once, as the administrator set it. */
    maximum: z.number().int().min(1),
    /** The newest key that this agent believes, as far as the coordinator holds it. */
    publicKey: PublicKeySchema,
    signature: SignatureSchema,
    /** When there is something that the agent does not know yet; to be weighed before the signature is checked. */
    trust: TrustAnnouncementSchema.optional(),
    spreadMs: SpreadMsSchema,
    /** Of the operations that the agent holds: from which record to send; `drop` when the coordinator needs no more of it. */
    resume: z.array(z.object({ ...operationRef, from: z.number().int().min(0), drop: z.boolean() })).max(100_000),
  }),
  /**
   * `proof`: a signature over {@link rejectionSigningText}, by a key as in `welcome`. Without one that it believes, an agent
   * takes no rejection as final: whoever answers at the coordinator's address may be somebody else.
   */
  z.object({
    type: z.literal('rejected'),
    code: ProblemCodeSchema,
    detail: z.string(),
    todo: z.string(),
    proof: z.object({ publicKey: PublicKeySchema, signature: SignatureSchema }).optional(),
    trust: TrustAnnouncementSchema.optional(),
  }),
  /** `payload` is the JSON text of an Operation; `signature` is over {@link operationSigningText}. */
  z.object({ type: z.literal('operation'), payload: z.string().max(MAX_MESSAGE_BYTES), signature: SignatureSchema }),
  /** Records below `next` are stored for good. `final`: nothing more is needed, delete the copy. */
  z.object({ type: z.literal('ack'), ...operationRef, next: z.number().int().min(0), final: z.boolean() }),
  /** Send again from record `from`: something is missing here. */
  z.object({ type: z.literal('resume-from'), ...operationRef, from: z.number().int().min(0) }),
  z.object({
    type: z.literal('cancel'),
    ...operationRef,
    reason: z.string().max(1000),
    graceSeconds: z.number().int().min(0).max(600),
  }),
  z.object({ type: z.literal('maximum'), maximum: z.number().int().min(1) }),
  z.object({ type: z.literal('ping'), id: z.string().max(64) }),
  /** Get the version of this release. Said only to agents that said `upgradable` in their hello. */
  z.object({
    type: z.literal('upgrade'),
    upgrade: IdSchema,
    /** The manifest as JSON text, and the release key's signature over it (`release.ts`). */
    manifest: z.string().max(1 << 20),
    signature: SignatureSchema,
    /** Lets this replica fetch the executable. */
    ticket: z.string().max(500),
    allowDowngrade: z.boolean(),
    /** How long what runs may take to finish; then the upgrade is given up and nothing was stopped. */
    waitSeconds: z.number().int().min(0).max(604_800),
    /** How long the new version has to check in. */
    trialSeconds: z.number().int().min(5).max(3600),
  }),
  z.object({ type: z.literal('upgrade-cancel'), upgrade: IdSchema, reason: z.string().max(500) }),
  /** How the upgrade ended is stored: it need not be said again. */
  z.object({ type: z.literal('upgrade-noted'), upgrade: IdSchema }),
  /** Keys or authorities have changed. Said only to agents that said `trust` in their hello. */
  TrustAnnouncementSchema.extend({ type: z.literal('trust'), spreadMs: SpreadMsSchema }),
  z.object({ type: z.literal('beat'), time: z.number() }),
  z.object({ type: z.literal('error'), detail: z.string().max(2000) }),
]);
export type ToAgent = z.infer<typeof ToAgentSchema>;

/** What the replica signs in `hello`. */
export function helloSigningText(
  coordinatorNonce: string,
  hello: Pick<Hello, 'replica' | 'instance' | 'nonce' | 'protocol'>,
): string {
  return `outrunner-hello-v1\n${coordinatorNonce}\n${hello.replica}\n${hello.instance}\n${hello.nonce}\n${hello.protocol}`;
}

/** What the coordinator signs in `welcome`: proof that it holds the pinned key. */
export function welcomeSigningText(agentNonce: string, replica: string, epoch: number): string {
  return `outrunner-welcome-v1\n${agentNonce}\n${replica}\n${epoch}`;
}

/** What the coordinator signs when it turns an agent away. `agentNonce`: of its hello, so that it cannot be said again. */
export function rejectionSigningText(agentNonce: string, replica: string, code: ProblemCode): string {
  return `outrunner-rejected-v1\n${agentNonce}\n${replica}\n${code}`;
}

/** What the coordinator signs of an operation. */
export function operationSigningText(payload: string): string {
  return `outrunner-operation-v1\n${payload}`;
}

/** Bytes before the records in a binary frame. */
export const FRAME_HEADER_BYTES = 24;
const FRAME_JOURNAL = 1;

/** A binary frame: whole journal records of one operation, in order, after a header of 24 bytes. */
export interface JournalFrame {
  readonly operation: string;
  readonly attempt: number;
  readonly records: Uint8Array;
}

/** Frame header: u8 type (1), 3 reserved, u32 attempt (little endian), 16 bytes operation id. The records follow. */
export function journalFrameHeader(operation: string, attempt: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  header[0] = FRAME_JOURNAL;
  new DataView(header.buffer).setUint32(4, attempt, true);
  const hex = operation.replaceAll('-', '');
  for (let i = 0; i < 16; i++) header[8 + i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return header;
}

/** Reads a binary frame; null when it is none. The records are a view, not a copy, and not yet validated. */
export function readJournalFrame(frame: Uint8Array): JournalFrame | null {
  if (frame.length < FRAME_HEADER_BYTES || frame[0] !== FRAME_JOURNAL) return null;
  const attempt = new DataView(frame.buffer, frame.byteOffset).getUint32(4, true);
  let hex = '';
  for (let i = 8; i < 24; i++) hex += (frame[i] as number).toString(16).padStart(2, '0');
  const operation = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { operation, attempt, records: frame.subarray(FRAME_HEADER_BYTES) };
}

/** Close codes of the WebSocket, in the private range. */
export const CLOSE = {
  rejected: 4001,
  superseded: 4002,
  protocolError: 4003,
  silent: 4004,
  shuttingDown: 4005,
  revoked: 4006,
} as const;
