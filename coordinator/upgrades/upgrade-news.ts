import type { Clock } from '../../protocol/clock.ts';
import type { Live } from '../live/live.ts';
import type { UpgradeRecord } from './upgrade-life.ts';
import { progressOf, upgradeSummary } from './upgrade-view.ts';

/** At least so long between two events of one upgrade: of thousands of agents, hundreds get on each second. */
export const GATHER_MS = 500;

/** What consoles hear of upgrades: how each stands, and those of its replicas that changed since they heard of it last. */
export class UpgradeNews {
  readonly #live: Live;
  readonly #clock: Clock;
  /** Upgrades of which something was said lately: whether there is more to say. */
  readonly #lately = new Map<string, { more: boolean }>();

  constructor(live: Live, clock: Clock) {
    this.#live = live;
    this.#clock = clock;
  }

  /** There is a new one. */
  created(record: UpgradeRecord): void {
    this.#say(record, 'created');
    this.#quiet(record);
  }

  /** Something of it has changed: it is said at once, or together with what follows within half a second. */
  changed(record: UpgradeRecord): void {
    const lately = this.#lately.get(record.row.id);
    if (lately !== undefined) {
      lately.more = true;
      return;
    }
    this.#say(record, 'updated');
    this.#quiet(record);
  }

  #quiet(record: UpgradeRecord): void {
    const { id } = record.row;
    const lately = { more: false };
    this.#lately.set(id, lately);
    this.#clock.after(GATHER_MS, () => {
      this.#lately.delete(id);
      if (lately.more) this.changed(record);
    });
  }

  #say(record: UpgradeRecord, action: 'created' | 'updated'): void {
    const { id } = record.row;
    record.revision += 1;
    const changed = record.members.filter(({ untold }) => untold);
    for (const member of changed) member.untold = false;
    if (!this.#live.heard) return;
    const replicas = changed.map(progressOf);
    this.#live.publish({ topic: 'upgrade', action, id, upgrade: upgradeSummary(record), replicas });
  }
}
