import { z } from 'zod';
import { IdSchema, TimeSchema } from '../fields.ts';
import { PublicKeySchema } from '../trust-fields.ts';
import { route } from './route.ts';

/**
 * Whom Runners believe: the coordinator's signing key, and the authorities of its certificate (the setting `tls-ca`). Both
 * are replaced with an overlap, in which old and new are taken; here stands how far the Runners are.
 */

/** An authority whose certificates Runners take. */
export const AuthoritySchema = z
  .object({
    subject: z.string(),
    /** SHA-256 of the certificate, hex pairs with colons. */
    fingerprint: z.string(),
    notBefore: TimeSchema,
    notAfter: TimeSchema,
  })
  .meta({ id: 'Authority' });
export type Authority = z.infer<typeof AuthoritySchema>;

/**
 * Why a replica does not believe what holds now: `away`, it is not connected, and learns it when it is; `told`, it is
 * connected and has not answered yet; `refused`, it said why it does not use it; `unable`, its version cannot be told of
 * another key: upgrade it, or download it again.
 */
export const BehindReasonSchema = z.enum(['away', 'told', 'refused', 'unable']).meta({ id: 'BehindReason' });
export type BehindReason = z.infer<typeof BehindReasonSchema>;

export const BehindReplicaSchema = z
  .object({
    replica: IdSchema,
    runner: IdSchema,
    runnerName: z.string(),
    hostname: z.string(),
    connected: z.boolean(),
    lastSeen: TimeSchema.nullable(),
    reason: BehindReasonSchema,
    /** What it said; empty when it said nothing. */
    detail: z.string(),
  })
  .meta({ id: 'BehindReplica' });
export type BehindReplica = z.infer<typeof BehindReplicaSchema>;

export const TrustSchema = z
  .object({
    key: z.object({ publicKey: PublicKeySchema, since: TimeSchema.nullable() }),
    /** The key before it while it is still taken; null: there is one key. */
    previousKey: z.object({ publicKey: PublicKeySchema }).nullable(),
    /** Null: Runners take what their system takes. */
    authorities: z.array(AuthoritySchema).nullable(),
    /** Replicas that are not revoked. */
    replicas: z.object({
      total: z.number().int(),
      /** They believe what holds now. */
      current: z.number().int(),
      away: z.number().int(),
      told: z.number().int(),
      refused: z.number().int(),
      unable: z.number().int(),
      /**
       * Of all, current ones among them: their version believes one key for good, and would be `unable` after a rotation. Absent:
       * a coordinator that does not count them.
       */
      pinned: z.number().int().optional(),
    }),
    /** Those that do not: first the ones that somebody has to do something about; at most 100. */
    behind: z.array(BehindReplicaSchema),
  })
  .meta({ id: 'Trust' });
export type Trust = z.infer<typeof TrustSchema>;

export const RetireKeySchema = z.strictObject({
  /** Also when there are replicas that cannot learn the new key by themselves. */
  leaveBehind: z.boolean('leaveBehind must be true or false.').default(false),
});

export const trustRoutes = {
  getTrust: route({
    method: 'GET',
    path: '/system/trust',
    summary: "The coordinator's key and authorities, and how far Runners know them",
    access: 'admin',
    status: 200,
    answer: TrustSchema,
  }),
  rotateKey: route({
    method: 'POST',
    path: '/system/trust/rotate',
    summary: 'A new signing key; the old one is taken until it is retired',
    access: 'admin',
    status: 200,
    answer: TrustSchema,
  }),
  retireKey: route({
    method: 'POST',
    path: '/system/trust/retire',
    summary: 'End of the overlap: the key before the present one is destroyed, and no Runner takes it any more',
    access: 'admin',
    body: RetireKeySchema,
    status: 200,
    answer: TrustSchema,
  }),
} as const;
