import { z } from 'zod';
import { IdSchema } from './fields.ts';

/** How a replica gets another version of the agent: what is ordered, and how far it is. */

/** `GET {RELEASE_PATH}/<platform>`: the compressed executable, as it stands in the manifest. Needs the ticket of an order. */
export const RELEASE_PATH = '/runner/v1/release';

/**
 * - `downloading`: the executable is fetched, and checked.
 * - `waiting`: it is there; the agent takes nothing new and lets finish what runs.
 * - `switching`: the agent has ended, and the new version has to check in within its time.
 * - `checked-in`: it has; it is the version in use.
 * - `failed`: the version of before is in use.
 */
export const UpgradePhaseSchema = z
  .enum(['downloading', 'waiting', 'switching', 'checked-in', 'failed'])
  .meta({ id: 'UpgradePhase' });
export type UpgradePhase = z.infer<typeof UpgradePhaseSchema>;

/** How far an order is; `checked-in` and `failed` are said in each session until they are noted. */
export const UpgradeReportSchema = z.object({
  upgrade: IdSchema,
  phase: UpgradePhaseSchema,
  /** Product version that was ordered. */
  version: z.string().max(50),
  /** For a person; empty when there is nothing to say. */
  detail: z.string().max(500),
  /** Bytes received and bytes in all, while downloading. */
  received: z.number().int().min(0).default(0),
  total: z.number().int().min(0).default(0),
});
export type UpgradeReport = z.infer<typeof UpgradeReportSchema>;

/** Whether an upgrade can be ordered of this agent; `why` not, for a person. */
export const UpgradableSchema = z.object({ can: z.boolean(), why: z.string().max(500) });
export type Upgradable = z.infer<typeof UpgradableSchema>;
