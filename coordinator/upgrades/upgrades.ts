import type { z } from 'zod';
import type { NewUpgradeSchema, Upgrade } from '../../protocol/api/upgrades.ts';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { UpgradeReport } from '../../protocol/upgrade.ts';
import type { RunnerLink, UpgradeIntake } from '../gateway/runner-link.ts';
import type { Logger } from '../http/log.ts';
import type { Live } from '../live/live.ts';
import type { Release, ReleaseFolder } from '../packages/release-folder.ts';
import type { RunnerIndex } from '../runners/runner-index.ts';
import { platformOf } from '../runners/runner-view.ts';
import type { UpgradeReplicaTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { makeUpgrade } from './make-upgrade.ts';
import { releaseTicket } from './release-download.ts';
import {
  advance,
  cancel,
  isUnderWay,
  type Member,
  report,
  resume,
  type UpgradeRecord,
  upgradeRecord,
} from './upgrade-life.ts';
import { UpgradeNews } from './upgrade-news.ts';
import { upgradeView } from './upgrade-view.ts';

const STEP_MS = 1_000;

export interface UpgradesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly live: Live;
  readonly link: RunnerLink;
  readonly index: RunnerIndex;
  readonly folder: ReleaseFolder;
  /** For tickets. */
  readonly secret: Buffer;
}

/** The upgrades of agents: those under way are moved on once a second, and whenever an agent connects or reports. */
export class Upgrades implements UpgradeIntake {
  readonly #deps: UpgradesDeps;
  readonly #records = new Map<string, UpgradeRecord>();
  /** Written one after the other: the rows change while a write waits for the disk. */
  #writes: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  /** What is handed out now; read again at each step. */
  #release: Release | null = null;

  readonly #news: UpgradeNews;

  constructor(deps: UpgradesDeps) {
    this.#deps = deps;
    this.#news = new UpgradeNews(deps.live, deps.clock);
  }

  /** Goes on with what an earlier process of the coordinator began. After the Runners are loaded. */
  async start(): Promise<void> {
    const { store, link, clock } = this.#deps;
    const rows = await store.read.selectFrom('upgrade').selectAll().execute();
    const members = new Map<string, UpgradeReplicaTable[]>(rows.map(({ id }) => [id, []]));
    for (const row of await store.read
      .selectFrom('upgrade_replica')
      .selectAll()
      .orderBy('ring')
      .orderBy('runner_name')
      .execute()) {
      members.get(row.upgrade_id)?.push(row);
    }
    for (const row of rows) this.#records.set(row.id, upgradeRecord(row, members.get(row.id) ?? []));
    link.handleUpgrades(this);
    this.#timer = clock.every(STEP_MS, () => void this.#step());
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#writes;
  }

  /** Newest first. */
  all(): readonly UpgradeRecord[] {
    return [...this.#records.values()].sort((a, b) => b.row.created_at - a.row.created_at);
  }

  /** @throws OutrunnerError `not-found`. */
  get(id: string): UpgradeRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw new OutrunnerError('not-found', { detail: 'There is no such upgrade.' });
    return record;
  }

  /** @throws OutrunnerError `package-missing` when nothing is built, and as {@link makeUpgrade}. */
  async create(input: z.output<typeof NewUpgradeSchema>, by: string, onceId: string | undefined): Promise<Upgrade> {
    const { store, clock, index, log } = this.#deps;
    const release = await this.#readRelease();
    const version = release.manifest.productVersion;
    const busy = new Set(
      this.all()
        .filter(isUnderWay)
        .flatMap(({ members }) => members.map(({ row }) => row.replica_id)),
    );
    const made = await makeUpgrade(store, index, { input, version, by, onceId, now: clock.now(), busy });
    if (made === null) return upgradeView(this.get(onceId ?? ''));
    this.#records.set(made.row.id, made);
    log.info({ upgrade: made.row.id, version, replicas: made.members.length, by }, 'an upgrade begins');
    this.#news.created(made);
    await this.#step();
    return upgradeView(made);
  }

  /** @throws OutrunnerError `conflict` when it is over. */
  async pause(id: string, by: string): Promise<Upgrade> {
    const record = this.#needUnderWay(id);
    record.row.state = 'paused';
    record.row.reason = `${by} paused it.`;
    await this.#changed(record);
    return upgradeView(record);
  }

  async resume(id: string): Promise<Upgrade> {
    const record = this.#needUnderWay(id);
    resume(record, this.#deps.clock.now());
    await this.#changed(record);
    await this.#step();
    return upgradeView(record);
  }

  async cancel(id: string, by: string): Promise<Upgrade> {
    const record = this.#needUnderWay(id);
    for (const { row } of cancel(record, `${by} cancelled it.`, this.#deps.clock.now())) {
      this.#deps.link.send(row.replica_id, { type: 'upgrade-cancel', upgrade: id, reason: `${by} cancelled it.` });
    }
    await this.#changed(record);
    return upgradeView(record);
  }

  /** An agent that was cut off in the middle hears of its order again; it knows it by its id. */
  connected(replicaId: string): void {
    for (const record of this.#records.values()) {
      if (!isUnderWay(record)) continue;
      const member = record.members.find(({ row }) => row.replica_id === replicaId);
      if (member?.row.phase === 'downloading' || member?.row.phase === 'waiting') this.#order(record, member);
    }
    void this.#step();
  }

  reported(replicaId: string, said: UpgradeReport): void {
    const { log, link, clock } = this.#deps;
    const record = this.#records.get(said.upgrade);
    const member = record?.members.find(({ row }) => row.replica_id === replicaId);
    const isEnd = said.phase === 'checked-in' || said.phase === 'failed';
    const noted = () => {
      if (isEnd) link.send(replicaId, { type: 'upgrade-noted', upgrade: said.upgrade });
    };
    // Nobody here knows of it: the agent need not say it for ever.
    if (record === undefined || member === undefined) {
      noted();
      return;
    }
    if (record.row.state === 'cancelled' && !isEnd && said.phase !== 'switching') {
      link.send(replicaId, { type: 'upgrade-cancel', upgrade: said.upgrade, reason: record.row.reason ?? '' });
    }
    const before = member.row.phase;
    if (!report(record, member, said, clock.now())) {
      noted();
      return;
    }
    if (member.row.phase === before && before === 'downloading') {
      this.#news.changed(record);
      return;
    }
    log.info(
      { upgrade: said.upgrade, replica: replicaId, phase: said.phase, detail: said.detail },
      'an upgrade goes on',
    );
    this.#changed(record)
      .then(noted)
      .then(() => this.#step())
      .catch((error: unknown) => log.error({ err: error, upgrade: said.upgrade }, 'an upgrade could not be written'));
  }

  #needUnderWay(id: string): UpgradeRecord {
    const record = this.get(id);
    if (!isUnderWay(record)) throw new OutrunnerError('conflict', { detail: 'This upgrade is over.' });
    return record;
  }

  /** Moves all on that are under way. */
  async #step(): Promise<void> {
    const { clock, link, log } = this.#deps;
    const open = [...this.#records.values()].filter(isUnderWay);
    if (open.length === 0) return;
    try {
      this.#release = await this.#deps.folder.release();
      for (const record of open) {
        const world = {
          now: clock.now(),
          presence: (replicaId: string) => link.replica(replicaId),
          order: (member: Member) => this.#order(record, member),
        };
        if (advance(record, world)) await this.#changed(record);
      }
    } catch (error) {
      log.error({ err: error }, 'the upgrades could not be moved on');
    }
  }

  #order({ row }: UpgradeRecord, member: Member): boolean {
    const { index, link, secret, clock } = this.#deps;
    const release = this.#release;
    const replica = index.get(member.row.runner_id)?.replicas.find((one) => one.row.id === member.row.replica_id);
    // Another release has taken its place meanwhile: whoever has not begun gets it with the next upgrade.
    if (release === null || release.manifest.productVersion !== row.version || replica === undefined) return false;
    return link.send(member.row.replica_id, {
      type: 'upgrade',
      upgrade: row.id,
      manifest: release.manifestText,
      signature: release.signature,
      ticket: releaseTicket(secret, member.row.replica_id, platformOf(replica.facts), clock.now()),
      allowDowngrade: row.allow_downgrade === 1,
      waitSeconds: row.wait_seconds,
      trialSeconds: row.trial_seconds,
    });
  }

  async #readRelease(): Promise<Release> {
    this.#release = await this.#deps.folder.release();
    if (this.#release === null) throw new OutrunnerError('package-missing', { detail: 'No agent is built here.' });
    return this.#release;
  }

  #changed(record: UpgradeRecord): Promise<void> {
    const { store } = this.#deps;
    this.#news.changed(record);
    const write = this.#writes.then(() =>
      store.write(async (tx) => {
        const { id, ...values } = record.row;
        await tx.updateTable('upgrade').set(values).where('id', '=', id).execute();
        for (const member of record.members) {
          if (!member.dirty) continue;
          member.dirty = false;
          const { phase, detail, updated_at, replica_id } = member.row;
          await tx
            .updateTable('upgrade_replica')
            .set({ phase, detail, updated_at })
            .where('upgrade_id', '=', id)
            .where('replica_id', '=', replica_id)
            .execute();
        }
      }),
    );
    this.#writes = write.catch(() => undefined);
    return write;
  }
}
