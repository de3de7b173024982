import { z } from 'zod';
import { PlatformTargetSchema, RefusalSchema } from '../enrolment.ts';
import {
  DescriptionSchema,
  IdSchema,
  lineSchema,
  PageQuerySchema,
  ProjectNameSchema,
  pageOf,
  RunnerNameSchema,
  TimeSchema,
  textSchema,
} from '../fields.ts';
import { PackageFormatSchema, PackageOptionsSchema } from '../package-options.ts';
import { RunnerModeSchema, RunnerStatusSchema } from '../status.ts';
import { RunnerTagsSchema } from '../tags.ts';
import { UpgradableSchema } from '../upgrade.ts';
import { VersionStateSchema } from '../version-state.ts';
import { SelfCheckSchema } from '../wire.ts';
import { route } from './route.ts';

export const ReplicaModeSchema = z
  .enum(['single', 'several', 'ephemeral'], 'Replicas is single, several or ephemeral.')
  .meta({ id: 'ReplicaMode' });

export const AssignmentSchema = z
  .strictObject({
    project: ProjectNameSchema,
    /** The Runner's own host is a node of the project. */
    asNode: z.boolean('asNode must be true or false.').default(true),
    /** It may reach other nodes. */
    remoteDispatch: z.boolean('remoteDispatch must be true or false.').default(false),
    nodeFilter: textSchema('Node filter', 2000).default('.*'),
  })
  .meta({ id: 'Assignment' });
export type Assignment = z.output<typeof AssignmentSchema>;

const AssignmentsSchema = z
  .array(AssignmentSchema, 'Projects must be a list.')
  .max(1000, 'At most 1000 projects are possible.')
  .superRefine((assignments, context) => {
    const seen = new Set<string>();
    for (const [index, { project }] of assignments.entries()) {
      const key = project.toLowerCase();
      if (seen.has(key))
        context.addIssue({
          code: 'custom',
          path: [index, 'project'],
          message: `The project “${project}” is there twice.`,
        });
      seen.add(key);
    }
  });

const maxOperations = z
  .number('Maximum operations must be a number.')
  .int('Maximum operations must be whole.')
  .min(1, 'Maximum operations is at least 1.')
  .max(1000, 'Maximum operations is at most 1000.');
const tokenHours = z
  .number('Token lifetime must be a number of hours.')
  .min(0.01, 'Token lifetime is at least 0.01 hours.')
  .max(720, 'Token lifetime is at most 720 hours.');

export const NewRunnerSchema = z.strictObject({
  name: RunnerNameSchema,
  description: DescriptionSchema,
  tags: RunnerTagsSchema,
  projects: AssignmentsSchema.default([]),
  maxOperations: maxOperations.default(50),
  replicas: ReplicaModeSchema.default('single'),
  tokenHours: tokenHours.default(24),
});
export type NewRunner = z.input<typeof NewRunnerSchema>;

export const RunnerChangeSchema = z
  .strictObject({
    name: RunnerNameSchema,
    description: DescriptionSchema,
    tags: RunnerTagsSchema,
    projects: AssignmentsSchema,
    maxOperations,
  })
  .partial();

export const ReplicaSchema = z
  .object({
    id: IdSchema,
    hostname: z.string(),
    os: z.enum(['linux', 'windows', 'macos']),
    osVersion: z.string(),
    arch: z.enum(['x64', 'arm64']),
    platform: PlatformTargetSchema,
    user: z.string(),
    pid: z.number().int(),
    installPath: z.string(),
    version: z.string(),
    address: z.string().nullable(),
    enrolledAt: TimeSchema,
    startedAt: TimeSchema.nullable(),
    lastSeen: TimeSchema.nullable(),
    connected: z.boolean(),
    connectedSince: TimeSchema.nullable(),
    transport: z.enum(['websocket', 'polling']).nullable(),
    /** Why it polls and holds no WebSocket open, for a person; null when it does. */
    transportReason: z.string().nullable(),
    proxy: z.string().nullable(),
    /** The agent's clock minus the coordinator's, in milliseconds. */
    skewMs: z.number().nullable(),
    /** Last measured round trip. */
    roundTripMs: z.number().nullable(),
    running: z.number().int(),
    queued: z.number().int(),
    maximum: z.number().int(),
    checks: z.array(SelfCheckSchema),
    /** false: its agent is being stopped or upgraded; it finishes what it has and takes nothing new. */
    accepting: z.boolean(),
    saidGoodbye: z.boolean(),
    /** Whether its agent can be upgraded from here, and why not; null: not known since it was last connected. */
    upgradable: UpgradableSchema.nullable(),
    /** When another process connected with the same identity, last. */
    duplicateSeenAt: TimeSchema.nullable(),
  })
  .meta({ id: 'Replica' });
export type Replica = z.infer<typeof ReplicaSchema>;

/** The most recent enrolment of a Runner, without its secret. */
export const EnrolmentStateSchema = z
  .object({
    state: z.enum(['open', 'used', 'expired', 'revoked']),
    createdAt: TimeSchema,
    expiresAt: TimeSchema,
    usedAt: TimeSchema.nullable(),
    downloadedAt: TimeSchema.nullable(),
  })
  .meta({ id: 'EnrolmentState' });

export const RunnerSchema = z
  .object({
    id: IdSchema,
    name: z.string(),
    description: z.string(),
    tags: z.array(z.string()),
    projects: z.array(AssignmentSchema),
    maxOperations: z.number().int(),
    replicaMode: ReplicaModeSchema,
    createdAt: TimeSchema,
    updatedAt: TimeSchema,
    status: RunnerStatusSchema,
    statusSince: TimeSchema,
    statusReason: z.string(),
    /** A replica's connection has closed and the status has not followed yet: no new work goes there. */
    reconnecting: z.boolean(),
    mode: RunnerModeSchema,
    modeReason: z.string().nullable(),
    modeBy: z.string().nullable(),
    modeUntil: TimeSchema.nullable(),
    modeSince: TimeSchema.nullable(),
    lastCheckin: TimeSchema.nullable(),
    version: z.string().nullable(),
    platform: PlatformTargetSchema.nullable(),
    load: z.object({ running: z.number().int(), queued: z.number().int(), maximum: z.number().int() }),
    replicas: z.array(ReplicaSchema),
    enrolment: EnrolmentStateSchema.nullable(),
    /** Connections and enrolments for this Runner that were turned away, newest first, at most ten. */
    refusals: z.array(RefusalSchema),
  })
  .meta({ id: 'Runner' });
export type Runner = z.infer<typeof RunnerSchema>;

export const NewEnrolmentSchema = z.strictObject({
  /** Cut the present replicas off (regenerate credentials). */
  revoke: z.boolean('revoke must be true or false.').default(false),
  tokenHours: tokenHours.default(24),
});

export const EnrolmentSchema = z.object({ token: z.string(), expiresAt: TimeSchema }).meta({ id: 'Enrolment' });

export const ModeChangeSchema = z
  .strictObject({
    mode: RunnerModeSchema,
    reason: z.union([z.literal(''), lineSchema('Reason', 500)]).default(''),
    until: TimeSchema.nullable().default(null),
  })
  .refine((change) => change.mode === 'active' || change.reason !== '', {
    path: ['reason'],
    message: 'A reason is required.',
  });

const byId = z.object({ id: IdSchema });

export const RunnerSortSchema = z.enum(
  [
    'name',
    '-name',
    'description',
    '-description',
    'status',
    '-status',
    'lastCheckin',
    '-lastCheckin',
    'version',
    '-version',
    'platform',
    '-platform',
    'load',
    '-load',
    'projects',
    '-projects',
    'createdAt',
    '-createdAt',
  ],
  'sort is not one of the known orders.',
);

export const runnerRoutes = {
  listRunners: route({
    method: 'GET',
    path: '/runners',
    summary: 'Runners, with search over name, description, tags and host name',
    access: 'user',
    query: PageQuerySchema.extend({
      search: z.string().max(200).optional(),
      sort: RunnerSortSchema.default('name'),
      status: RunnerStatusSchema.optional(),
      tag: z.string().max(64).optional(),
      project: z.string().max(64).optional(),
      mode: RunnerModeSchema.optional(),
      /** How its version stands to the one that is handed out here. */
      versionState: VersionStateSchema.optional(),
    }),
    status: 200,
    answer: pageOf(RunnerSchema),
  }),
  createRunner: route({
    method: 'POST',
    path: '/runners',
    summary: 'Create a Runner',
    access: 'admin',
    body: NewRunnerSchema,
    status: 201,
    answer: z.object({ runner: RunnerSchema, enrolment: EnrolmentSchema }),
  }),
  getRunner: route({
    method: 'GET',
    path: '/runners/{id}',
    summary: 'One Runner',
    access: 'user',
    params: byId,
    status: 200,
    answer: RunnerSchema,
  }),
  updateRunner: route({
    method: 'PATCH',
    path: '/runners/{id}',
    summary: 'Change a Runner',
    access: 'admin',
    params: byId,
    body: RunnerChangeSchema,
    status: 200,
    answer: RunnerSchema,
  }),
  deleteRunner: route({
    method: 'DELETE',
    path: '/runners/{id}',
    summary: 'Delete a Runner; refused while it has work unless force=true',
    access: 'admin',
    params: byId,
    query: z.object({ force: z.enum(['true', 'false']).default('false') }),
    status: 204,
  }),
  createEnrolment: route({
    method: 'POST',
    path: '/runners/{id}/enrolment',
    summary: 'A new single-use token; revoke cuts the present replicas off',
    access: 'admin',
    params: byId,
    body: NewEnrolmentSchema,
    status: 201,
    answer: EnrolmentSchema,
  }),
  downloadPackage: route({
    method: 'GET',
    path: '/runners/{id}/package',
    summary: 'The installer for one host, with its configuration and single-use token; Range works',
    access: 'admin',
    params: byId,
    query: z.object({
      platform: PlatformTargetSchema,
      format: PackageFormatSchema.optional(),
    }),
    status: 200,
    stream: { contentType: 'application/octet-stream', description: 'The package, as .tar.gz, .zip, .deb or .rpm' },
  }),
  downloadPackageWith: route({
    method: 'POST',
    path: '/runners/{id}/package',
    summary:
      'The installer for one host, with a proxy and certificates of its own: they may be secret, so they are no query',
    access: 'admin',
    params: byId,
    body: PackageOptionsSchema,
    status: 200,
    stream: { contentType: 'application/octet-stream', description: 'The package, as .tar.gz, .zip, .deb or .rpm' },
  }),
  pingRunner: route({
    method: 'POST',
    path: '/runners/{id}/ping',
    summary: 'Ask the agent for a sign of life and measure the round trip',
    access: 'user',
    params: byId,
    status: 200,
    answer: z.object({ roundTripMs: z.number(), replica: IdSchema }),
  }),
  setRunnerMode: route({
    method: 'POST',
    path: '/runners/{id}/mode',
    summary: 'Pause, drain or resume',
    access: 'admin',
    params: byId,
    body: ModeChangeSchema,
    status: 200,
    answer: RunnerSchema,
  }),
  deleteReplica: route({
    method: 'DELETE',
    path: '/runners/{id}/replicas/{replicaId}',
    summary: 'Retire one replica: its identity is revoked',
    access: 'admin',
    params: z.object({ id: IdSchema, replicaId: IdSchema }),
    status: 204,
  }),
  checkRunnerName: route({
    method: 'GET',
    path: '/runner-names/{name}',
    summary: 'Whether a name is free; the one that has it otherwise',
    access: 'user',
    params: z.object({ name: z.string().min(1).max(200) }),
    status: 200,
    answer: z.object({ free: z.boolean(), runner: z.object({ id: IdSchema, name: z.string() }).nullable() }),
  }),
  listTags: route({
    method: 'GET',
    path: '/tags',
    summary: 'Tags of Runners and how many carry each',
    access: 'user',
    status: 200,
    answer: z.record(z.string(), z.number().int()),
  }),
} as const;
