import { z } from 'zod';
import { IdSchema, PageQuerySchema, pageOf, TimeSchema } from '../fields.ts';
import { UpgradePhaseSchema } from '../upgrade.ts';
import { route } from './route.ts';

/** An upgrade brings the version that the coordinator hands out to the agents of one, many or all Runners, ring by ring. */

export const UpgradeStateSchema = z.enum(['running', 'paused', 'finished', 'cancelled']).meta({ id: 'UpgradeState' });

/** Besides the phases of the agent: `pending`, its turn has not come; `skipped`, it was left as it is. */
export const UpgradeReplicaPhaseSchema = z
  .enum(['pending', ...UpgradePhaseSchema.options, 'skipped'])
  .meta({ id: 'UpgradeReplicaPhase' });
export type UpgradeReplicaPhase = z.infer<typeof UpgradeReplicaPhaseSchema>;

export const UpgradeReplicaSchema = z
  .object({
    replica: IdSchema,
    runner: IdSchema,
    /** Names as they were when the upgrade was made. */
    runnerName: z.string(),
    hostname: z.string(),
    /** Number of its ring, from 0. */
    ring: z.number().int(),
    /** Version that it had. */
    from: z.string(),
    phase: UpgradeReplicaPhaseSchema,
    /** Why it failed or was skipped; empty when there is nothing to say. */
    detail: z.string(),
    /** Bytes, while it downloads. */
    received: z.number().int(),
    total: z.number().int(),
    updatedAt: TimeSchema,
  })
  .meta({ id: 'UpgradeReplica' });
export type UpgradeReplica = z.infer<typeof UpgradeReplicaSchema>;

/** What changes of a replica while it is upgraded. */
export const UpgradeProgressSchema = UpgradeReplicaSchema.pick({
  replica: true,
  phase: true,
  detail: true,
  received: true,
  total: true,
  updatedAt: true,
}).meta({ id: 'UpgradeProgress' });
export type UpgradeProgress = z.infer<typeof UpgradeProgressSchema>;

const summary = z.object({
  id: IdSchema,
  version: z.string(),
  state: UpgradeStateSchema,
  /** Why it is paused, or how it ended; null when there is nothing to say. */
  reason: z.string().nullable(),
  /** Parts of all replicas in percent at the end of each ring, e.g. 10, 50, 100. */
  rings: z.array(z.number().int()),
  /** Number of the ring that is under way, from 0. */
  ring: z.number().int(),
  allowDowngrade: z.boolean(),
  waitSeconds: z.number().int(),
  trialSeconds: z.number().int(),
  createdAt: TimeSchema,
  createdBy: z.string(),
  endedAt: TimeSchema.nullable(),
  /** How many of its replicas are in which phase. */
  counts: z.record(UpgradeReplicaPhaseSchema, z.number().int().min(0)),
  /** Number of its latest live event: each event follows on the one with the number before. */
  revision: z.number().int().min(0),
});

/** An upgrade without its replicas, of which there may be thousands. */
export const UpgradeSummarySchema = summary.meta({ id: 'UpgradeSummary' });
export type UpgradeSummary = z.infer<typeof UpgradeSummarySchema>;

export const UpgradeSchema = summary.extend({ replicas: z.array(UpgradeReplicaSchema) }).meta({ id: 'Upgrade' });
export type Upgrade = z.infer<typeof UpgradeSchema>;

const RINGS = 'Rings are percentages that rise to 100, for example 10, 50, 100.';
const seconds = (what: string, least: number, most: number) =>
  z
    .number(`${what} must be a number of seconds.`)
    .int(`${what} must be a whole number of seconds.`)
    .min(least, `${what} is at least ${least} seconds.`)
    .max(most, `${what} is at most ${most} seconds.`);

export const NewUpgradeSchema = z.strictObject({
  /** Absent: all Runners. */
  runners: z
    .array(IdSchema)
    .min(1, 'Name at least one Runner, or leave runners out for all of them.')
    .max(10_000, 'At most 10000 Runners can be named.')
    .optional(),
  rings: z
    .array(z.number(RINGS).int(RINGS).min(1, RINGS).max(100, RINGS))
    .min(1, RINGS)
    .max(10, 'There can be at most 10 rings.')
    .refine((rings) => rings.at(-1) === 100 && rings.every((part, at) => part > (rings[at - 1] ?? 0)), RINGS)
    .default([100]),
  allowDowngrade: z.boolean('allowDowngrade must be true or false.').default(false),
  /** How long running operations may take to finish; then this replica fails and nothing was stopped. */
  waitSeconds: seconds('waitSeconds', 0, 604_800).default(3600),
  /** How long the new version has to check in before the host goes back. */
  trialSeconds: seconds('trialSeconds', 5, 3600).default(120),
});
export type NewUpgrade = z.input<typeof NewUpgradeSchema>;

const byId = z.object({ id: IdSchema });

export const upgradeRoutes = {
  listUpgrades: route({
    method: 'GET',
    path: '/upgrades',
    summary: 'Upgrades of agents, newest first, without their replicas',
    access: 'user',
    query: PageQuerySchema.extend({ state: UpgradeStateSchema.optional() }),
    status: 200,
    answer: pageOf(UpgradeSummarySchema),
  }),
  createUpgrade: route({
    method: 'POST',
    path: '/upgrades',
    summary: 'Bring the version that is handed out here to agents that have another one, ring by ring',
    access: 'admin',
    body: NewUpgradeSchema,
    status: 201,
    answer: UpgradeSchema,
  }),
  getUpgrade: route({
    method: 'GET',
    path: '/upgrades/{id}',
    summary: 'One upgrade with its replicas, or with those of one Runner',
    access: 'user',
    params: byId,
    query: z.object({ runner: IdSchema.optional() }),
    status: 200,
    answer: UpgradeSchema,
  }),
  pauseUpgrade: route({
    method: 'POST',
    path: '/upgrades/{id}/pause',
    summary: 'Begin with no further agent; those under way go on',
    access: 'admin',
    params: byId,
    status: 200,
    answer: UpgradeSchema,
  }),
  resumeUpgrade: route({
    method: 'POST',
    path: '/upgrades/{id}/resume',
    summary: 'Go on, also when agents of the ring have failed',
    access: 'admin',
    params: byId,
    status: 200,
    answer: UpgradeSchema,
  }),
  cancelUpgrade: route({
    method: 'POST',
    path: '/upgrades/{id}/cancel',
    summary: 'End it: agents that have not begun to switch stay as they are',
    access: 'admin',
    params: byId,
    status: 200,
    answer: UpgradeSchema,
  }),
} as const;
