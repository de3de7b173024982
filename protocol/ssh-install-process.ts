import { z } from 'zod';
import {
  HostKeyFingerprintSchema,
  KnownHostKeySchema,
  NewLocalInstallSchema,
  NewSshInstallSchema,
  SshAnswersSchema,
  SshHostKeySchema,
  SshInstallSchema,
} from './api/ssh-installs.ts';
import { PlatformTargetSchema } from './enrolment.ts';
import { IdSchema } from './fields.ts';
import { ProblemSchema } from './problems.ts';

/**
 * What the desktop shell and a process that installs for it say to each other: one process for one installation, over SSH or
 * on this computer. The process speaks with the host; the shell has the coordinator, the packages and the person. Passwords
 * and keys cross here alone: never as arguments, never in the environment.
 */

/** Room for what lies in a package beside its executable, unpacked. */
export const BESIDE_EXECUTABLE_BYTES = 2 << 20;

/** A package that lies on this computer, checked already. */
export const StoredPackageSchema = z.object({
  path: z.string(),
  size: z.number().int(),
  /** Hexadecimal, of the whole package. */
  sha256: z.string(),
  /** Bytes of everything in it, unpacked. */
  unpackedSize: z.number().int(),
  /** The one folder at its top. */
  folder: z.string(),
});
export type StoredPackage = z.infer<typeof StoredPackageSchema>;

/** An answer to something that the process asked for: what it wanted, or why it does not get it. */
const answer = <T extends z.ZodType>(value: T) =>
  z.union([z.object({ ok: z.literal(true), value }), z.object({ ok: z.literal(false), problem: ProblemSchema })]);

const about = { id: IdSchema, runner: IdSchema, by: z.string() };

export const ToInstallProcessSchema = z.discriminatedUnion('type', [
  /** The first message is one of these two, and sent once. */
  z.object({
    type: z.literal('start'),
    ...about,
    request: NewSshInstallSchema,
    /** What this console knows of the host. */
    known: KnownHostKeySchema.nullable(),
  }),
  /** On this computer, for the user of the process. */
  z.object({ type: z.literal('start-here'), ...about, request: NewLocalInstallSchema }),
  /** How much of the package has arrived from the coordinator. */
  z.object({ type: z.literal('package-progress'), done: z.number().int(), total: z.number().int() }),
  z.object({ type: z.literal('package'), answer: answer(StoredPackageSchema) }),
  z.object({ type: z.literal('host-key-kept'), answer: answer(z.null()) }),
  z.object({ type: z.literal('checked-in'), answer: answer(z.string()) }),
  z.object({ type: z.literal('answer-host-key'), fingerprint: HostKeyFingerprintSchema, accept: z.boolean() }),
  z.object({ type: z.literal('answer-questions'), answers: SshAnswersSchema }),
  z.object({ type: z.literal('cancel') }),
]);
export type ToInstallProcess = z.input<typeof ToInstallProcessSchema>;

export const FromInstallProcessSchema = z.discriminatedUnion('type', [
  /** It was not begun: what was filled in cannot be used. */
  z.object({ type: z.literal('refused'), problem: ProblemSchema }),
  /** What is shown of it now. The first one says that it has begun; one with `endedAt` is the last. */
  z.object({ type: z.literal('changed'), install: SshInstallSchema }),
  /** Each of these waits for the shell's answer of the same matter. */
  z.object({ type: z.literal('need-package'), platform: PlatformTargetSchema }),
  z.object({ type: z.literal('keep-host-key'), key: SshHostKeySchema }),
  z.object({ type: z.literal('need-check-in') }),
]);
export type FromInstallProcess = z.infer<typeof FromInstallProcessSchema>;
