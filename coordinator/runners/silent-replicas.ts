import type { Clock, Timer } from '../../protocol/clock.ts';
import { EPHEMERAL_GONE_AFTER_MS } from '../../protocol/status.ts';
import type { Logger } from '../http/log.ts';
import type { Presence } from '../presence.ts';
import type { Store } from '../store/store.ts';
import { revokeReplicas } from './enrolments.ts';
import type { RunnerIndex } from './runner-index.ts';

const LOOK_EVERY_MS = 30_000;

interface SilentReplicasDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly presence: Presence;
  readonly index: RunnerIndex;
  written(runnerId: string): Promise<void>;
}

/** Retires the replicas of ephemeral Runners that were silent for ten minutes: their orchestrator made others. */
export class SilentReplicas {
  readonly #deps: SilentReplicasDeps;
  readonly #timer: Timer;

  constructor(deps: SilentReplicasDeps) {
    this.#deps = deps;
    this.#timer = deps.clock.every(LOOK_EVERY_MS, () => {
      this.look().catch((error: unknown) => deps.log.error({ err: error }, 'silent replicas could not be retired'));
    });
  }

  stop(): void {
    this.#timer.cancel();
  }

  async look(): Promise<void> {
    const { index, presence, store, clock } = this.#deps;
    const now = clock.now();
    for (const { row } of index.all()) {
      if (row.replica_mode !== 'ephemeral') continue;
      const gone = presence
        .ofRunner(row.id)
        .filter((one) => !one.connected && one.lastSeen !== null && now - one.lastSeen > EPHEMERAL_GONE_AFTER_MS);
      for (const { replicaId } of gone) {
        await store.write((tx) => revokeReplicas(tx, row.id, now, replicaId));
        presence.revoke(replicaId);
      }
      if (gone.length > 0) await this.#deps.written(row.id);
    }
  }
}
