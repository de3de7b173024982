import type { Clock } from '../../protocol/clock.ts';
import type { ProblemCode } from '../../protocol/problems.ts';
import type { Store } from '../store/store.ts';
import { REFUSALS_SHOWN } from './runner-record.ts';

/** Refusals that name no Runner, kept for who looks into the tables. */
const NAMELESS_KEPT = 200;

export interface NewRefusal {
  /** null: it could not be told which Runner it wanted to be. */
  readonly runnerId: string | null;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly address: string;
}

/** Keeps why an agent was turned away, the last ten of each Runner, so that the wizard can name the cause. */
export async function recordRefusal(
  deps: { readonly store: Store; readonly clock: Clock },
  refusal: NewRefusal,
): Promise<void> {
  const { runnerId } = refusal;
  await deps.store.write(async (tx) => {
    if (runnerId !== null) {
      const known = await tx.selectFrom('runner').select('id').where('id', '=', runnerId).executeTakeFirst();
      if (known === undefined) return;
    }
    await tx
      .insertInto('refusal')
      .values({
        runner_id: runnerId,
        at: deps.clock.now(),
        code: refusal.code,
        detail: refusal.detail.slice(0, 2000),
        address: refusal.address.slice(0, 100),
      })
      .execute();
    const same = tx.selectFrom('refusal').select('id').where('runner_id', 'is', runnerId).orderBy('id', 'desc');
    const keep = await same.limit(runnerId === null ? NAMELESS_KEPT : REFUSALS_SHOWN).execute();
    const oldest = keep.at(-1)?.id ?? 0;
    await tx.deleteFrom('refusal').where('runner_id', 'is', runnerId).where('id', '<', oldest).execute();
  });
}
