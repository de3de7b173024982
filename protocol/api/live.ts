import { z } from 'zod';
import { IdSchema, TimeSchema } from '../fields.ts';
import { ExecutionSchema } from './executions.ts';
import { JobSchema } from './jobs.ts';
import { ProjectSchema } from './projects.ts';
import { route } from './route.ts';
import { RunnerSchema } from './runners.ts';
import { SshInstallSchema } from './ssh-installs.ts';
import { UpgradeProgressSchema, UpgradeSummarySchema } from './upgrades.ts';

/**
 * What `GET /live` says: server-sent events, `event: change`, `data:` one of these. A reader that was away reads its lists
 * again: events are not kept. `event: beat` comes every 15 seconds so that silence is noticed.
 */
const gone = { action: z.literal('deleted'), id: z.string() };
const changed = z.enum(['created', 'updated']);

export const LiveEventSchema = z
  .union([
    z.object({ topic: z.literal('runner'), action: changed, id: IdSchema, runner: RunnerSchema }),
    z.object({ topic: z.literal('runner'), ...gone }),
    z.object({ topic: z.literal('project'), action: changed, id: z.string(), project: ProjectSchema }),
    z.object({ topic: z.literal('project'), ...gone }),
    z.object({ topic: z.literal('job'), action: changed, id: IdSchema, job: JobSchema }),
    z.object({ topic: z.literal('job'), ...gone }),
    z.object({ topic: z.literal('execution'), action: changed, id: IdSchema, execution: ExecutionSchema }),
    /**
     * `replicas` are those that changed since the event before, whose number is one less than `upgrade.revision`. Who has
     * missed one reads the upgrade again. At most two a second of each upgrade.
     */
    z.object({
      topic: z.literal('upgrade'),
      action: changed,
      id: IdSchema,
      upgrade: UpgradeSummarySchema,
      replicas: z.array(UpgradeProgressSchema),
    }),
    /**
     * When replicas were last heard of, by replica id: those that beat since the last such event. Apart from `runner`
     * events because it is the one thing of a Runner that changes every few seconds.
     */
    z.object({ topic: z.literal('checkins'), seen: z.record(IdSchema, TimeSchema) }),
    z.object({ topic: z.literal('ssh-install'), action: changed, id: IdSchema, install: SshInstallSchema }),
    /** Keys or authorities have changed, or how far Runners know them: read it again. */
    z.object({ topic: z.literal('trust'), action: z.literal('updated'), id: z.literal('trust') }),
    z.object({ topic: z.literal('token'), action: z.enum(['created', 'deleted']), id: IdSchema }),
  ])
  .meta({ id: 'LiveEvent' });
export type LiveEvent = z.output<typeof LiveEventSchema>;

export const LiveBeatSchema = z.object({ time: TimeSchema });
export const LIVE_BEAT_MS = 15_000;

export const liveRoutes = {
  live: route({
    method: 'GET',
    path: '/live',
    summary: 'Server-sent events: what changed',
    access: 'user',
    status: 200,
    stream: { contentType: 'text/event-stream', description: 'event: change (a LiveEvent as JSON) and event: beat' },
  }),
} as const;
