import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Clock } from '../../protocol/clock.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import type { Upgradable, UpgradePhase, UpgradeReport } from '../../protocol/upgrade.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import type { FromAgent, ToAgent } from '../../protocol/wire.ts';
import { isFullDisk, systemCode } from '../agent-exit.ts';
import type { SessionUpgrades } from '../connection/session-link.ts';
import type { Transport } from '../connection/transport.ts';
import { type FailedTrial, versionId } from '../installation/program-folder.ts';
import type { Log } from '../log.ts';
import { fetchCompressed, unpackExecutable } from './fetch-executable.ts';
import { type OwnProgram, settleIn, whyNotWritable } from './own-program.ts';
import { readOrderedRelease, UpgradeFailed } from './read-release.ts';
import type { TrustedReleaseKey } from './trusted-keys.ts';
import { forgetOrder, readOrder, type UpgradeOrder, writeOrder } from './upgrade-order.ts';

const run = promisify(execFile);
/** A new version that cannot even say its version in this time is not tried. */
const SAY_VERSION_MS = 30_000;
/** Progress of a download is said in steps of this many bytes. */
const PROGRESS_BYTES = 1 << 20;

type Ordered = Extract<ToAgent, { type: 'upgrade' }>;

/** What an upgrade needs of the work of the agent. */
export interface UpgradeWork {
  /** Takes nothing new and hands back what never started, until {@link goOn}. `why`: for people. */
  holdOff(why: string): void;
  goOn(): void;
  /** Resolves with true when nothing runs any more, with false after `ms` or when `signal` aborts. */
  idle(ms: number, signal: AbortSignal): Promise<boolean>;
}

export interface UpdaterDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly transport: Transport;
  readonly trusted: readonly TrustedReleaseKey[];
  readonly target: PlatformTarget | undefined;
  /** null: it runs from its sources. */
  readonly program: OwnProgram | null;
  /** The file of this very process. */
  readonly executable: string;
  /** The owner of the host allows upgrades. */
  readonly allowed: boolean;
  readonly work: UpgradeWork;
  /** Ends this process, for the launcher to start the version that is to be tried. */
  readonly leave: () => void;
}

/**
 * Brings another version of the agent to this host and hands over to it, so that the host ends with one that checks in
 * whatever happens: fetched over the agent's own way out, checked against the release keys it was built with, put beside the old
 * one, tried by the launcher, and in use only when the coordinator has welcomed it. What runs is finished before; when that
 * takes too long, nothing was stopped and the agent goes on as it is.
 */
export class Updater implements SessionUpgrades {
  readonly #deps: UpdaterDeps;
  #say: ((message: FromAgent) => void) | null = null;
  #now: { readonly upgrade: string; readonly abort: AbortController; report: UpgradeReport } | null = null;
  /** How the last one ended, until the coordinator has noted it. */
  #ended: UpgradeReport | null = null;
  #confirming: Promise<void> | null = null;
  #upgradable: Upgradable;

  constructor(deps: UpdaterDeps) {
    this.#deps = deps;
    this.#upgradable = { can: false, why: 'Nothing is known of its program yet.' };
  }

  /** Looks at what an earlier process left. Call once, before the first session. */
  async start(): Promise<void> {
    const { program, log } = this.#deps;
    this.#upgradable = await this.#findUpgradable();
    if (program === null) return;
    const order = await readOrder(program.folder.path);
    const failed = await program.folder.failed();
    if (failed !== null) log.error(`Version ${failed.id} was tried and given up: ${failureText(failed, order)}`);
    if (order === null) return;
    if (order.to === program.id) return; // Told when it is confirmed.
    if (failed?.id !== order.to) await program.folder.endTrial();
    const detail = failed?.id === order.to ? failureText(failed, order) : 'The agent ended before it could switch.';
    this.#ended = reportOf(order.upgrade, order.version, 'failed', detail);
  }

  upgradable(): Upgradable {
    return this.#upgradable;
  }

  attach(say: (message: FromAgent) => void): void {
    this.#say = say;
    const report = this.#now?.report ?? this.#ended;
    if (report !== null) this.#tell(report);
  }

  detach(): void {
    this.#say = null;
  }

  /** The coordinator has welcomed this process and answered it: if this version was on trial, it is in use from now on. */
  checkedIn(): void {
    this.#confirming ??= this.#confirm().catch((error: unknown) => {
      this.#confirming = null; // The next answer tries again; until it is done, the launcher may still go back.
      this.#deps.log.error('This version could not be made the one in use.', { code: systemCode(error) });
    });
  }

  order(message: Ordered): void {
    const { upgrade } = message;
    const known = [this.#now?.report, this.#ended].find((report) => report?.upgrade === upgrade);
    if (known !== undefined && known !== null) {
      this.#tell(known);
      return;
    }
    if (this.#now !== null) {
      this.#tell(reportOf(upgrade, '', 'failed', 'Another upgrade is under way here.'));
      return;
    }
    const now = { upgrade, abort: new AbortController(), report: reportOf(upgrade, '', 'downloading', '') };
    this.#now = now;
    this.#carryOut(message, now.abort.signal).catch((error: unknown) => {
      this.#deps.work.goOn();
      const detail = now.abort.signal.aborted ? String(now.abort.signal.reason) : this.#detailOf(error);
      this.#deps.log.error(`The upgrade was not done: ${detail}`);
      this.#now = null;
      this.#ended = { ...now.report, phase: 'failed', detail: detail.slice(0, 500) };
      this.#tell(this.#ended);
      // A download that was cut off by the end of the agent goes on at its next start.
      return now.abort.signal.aborted ? undefined : this.#deleteFetched(null);
    });
  }

  cancel({ upgrade, reason }: Extract<ToAgent, { type: 'upgrade-cancel' }>): void {
    if (this.#now?.upgrade === upgrade) this.#now.abort.abort(`It was cancelled${reason === '' ? '' : `: ${reason}`}.`);
  }

  noted({ upgrade }: Extract<ToAgent, { type: 'upgrade-noted' }>): void {
    if (this.#ended?.upgrade !== upgrade) return;
    this.#ended = null;
    const { program, log } = this.#deps;
    if (program === null) return;
    Promise.all([forgetOrder(program.folder.path), program.folder.forgetFailed()]).catch((error: unknown) =>
      log.warn('What was noted of an upgrade could not be deleted.', { code: systemCode(error) }),
    );
  }

  /** Ends what is under way; for a stop of the agent. */
  stop(): void {
    this.#now?.abort.abort('The agent is stopping.');
  }

  async #carryOut(message: Ordered, signal: AbortSignal): Promise<void> {
    const { program, target, trusted, work, log, executable: own } = this.#deps;
    const { can, why } = await this.#findUpgradable();
    if (!can || program === null || target === undefined) throw new UpgradeFailed(why);
    const rules = { trusted, target, version: PRODUCT_VERSION, allowDowngrade: message.allowDowngrade };
    const { manifest, executable } = readOrderedRelease(message.manifest, message.signature, rules);
    const version = manifest.productVersion;
    const id = versionId(version, executable.sha256);
    this.#progress({ version, phase: 'downloading', total: executable.compressed.size });
    if (id === program.id) {
      this.#finish(reportOf(message.upgrade, version, 'checked-in', 'This version was in use already.'));
      return;
    }
    log.info(`An upgrade to version ${version} begins.`, { from: PRODUCT_VERSION });
    if (!(await program.folder.isThere(id))) {
      const fetched = this.#fetchedPath(executable.compressed.sha256);
      await this.#deleteFetched(executable.compressed.sha256);
      await fetchCompressed(executable, message.ticket, fetched, {
        ...this.#deps,
        signal,
        onProgress: (received) => this.#progress({ received }),
      });
      await program.folder.receive(id, (file) => unpackExecutable(fetched, executable, file));
      await rm(fetched, { force: true });
    }
    await sayVersion(program.folder.executableOf(id), version);
    signal.throwIfAborted();

    this.#progress({ phase: 'waiting' });
    work.holdOff(`The agent is being upgraded to version ${version}.`);
    if (!(await work.idle(message.waitSeconds * 1000, signal))) {
      signal.throwIfAborted();
      throw new UpgradeFailed(`What ran here had not finished after ${message.waitSeconds} s; nothing was stopped.`);
    }
    if (program.id === null) await settleIn(program, own, id);
    signal.throwIfAborted();
    await writeOrder(program.folder.path, {
      upgrade: message.upgrade,
      to: id,
      version,
      trialSeconds: message.trialSeconds,
    });
    await program.folder.beginTrial(id, message.trialSeconds);
    this.#progress({ phase: 'switching' });
    log.info(`The agent ends now, for version ${version} to be tried.`);
    this.#deps.leave();
  }

  async #confirm(): Promise<void> {
    const { program, log } = this.#deps;
    if (program === null || program.id === null) return;
    const { folder, id } = program;
    if ((await folder.trial()) === id) {
      await folder.use(id);
      log.info(`Version ${PRODUCT_VERSION} has checked in and is in use.`);
    }
    const order = await readOrder(folder.path);
    if (order?.to === id) this.#finish(reportOf(order.upgrade, order.version, 'checked-in', ''));
  }

  #finish(report: UpgradeReport): void {
    this.#now = null;
    this.#ended = report;
    this.#tell(report);
  }

  #progress(change: Partial<UpgradeReport>): void {
    const now = this.#now;
    if (now === null) return;
    const before = now.report;
    now.report = { ...before, ...change };
    const steps = (report: UpgradeReport) => Math.floor(report.received / PROGRESS_BYTES);
    const isNews = change.phase !== undefined || steps(now.report) !== steps(before);
    if (isNews) this.#tell(now.report);
  }

  #tell(report: UpgradeReport): void {
    this.#say?.({ type: 'upgrade-report', ...report });
  }

  async #findUpgradable(): Promise<Upgradable> {
    const { allowed, program, target, trusted } = this.#deps;
    const no = (why: string) => ({ can: false, why });
    if (!allowed) return no('Upgrades are switched off on this host (OUTRUNNER_UPGRADES=off).');
    if (program === null || target === undefined) return no('The agent runs from its sources.');
    if (trusted.length === 0) return no('This agent was built without a release key.');
    const why = await whyNotWritable(program);
    return why === null ? { can: true, why: '' } : no(why);
  }

  #detailOf(error: unknown): string {
    if (error instanceof UpgradeFailed) return error.message;
    if (isFullDisk(error)) return 'There is no room on the disk for another version.';
    return `Something broke: ${error instanceof Error ? error.message : String(error)}`;
  }

  #fetchedPath(sha256: string): string {
    return join(this.#deps.program?.folder.path ?? '', 'fetched', sha256);
  }

  /** What was fetched for other orders is of no use any more. */
  async #deleteFetched(kept: string | null): Promise<void> {
    const folder = join(this.#deps.program?.folder.path ?? '', 'fetched');
    for (const name of await readdir(folder).catch(() => [])) {
      if (name !== kept) await rm(join(folder, name), { force: true, recursive: true });
    }
  }
}

const VersionSchema = z.object({ version: z.string() });

/** Starts the new executable once, only to say its version: what cannot run on this host is not tried. */
async function sayVersion(executable: string, version: string): Promise<void> {
  let said: string;
  try {
    const { stdout } = await run(executable, ['version', '--json'], { timeout: SAY_VERSION_MS, windowsHide: true });
    said = VersionSchema.parse(JSON.parse(stdout)).version;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new UpgradeFailed(`The new version does not run on this host: ${text.trim().split('\n').at(-1) ?? ''}`);
  }
  if (said !== version) throw new UpgradeFailed(`The new version says that it is ${said}, and not ${version}.`);
}

function reportOf(upgrade: string, version: string, phase: UpgradePhase, detail: string): UpgradeReport {
  return { upgrade, version, phase, detail: detail.slice(0, 500), received: 0, total: 0 };
}

/** Why the launcher gave a version up, for a person. */
function failureText({ reason }: FailedTrial, order: UpgradeOrder | null): string {
  const exit = /^exit-(\d+)$/.exec(reason);
  if (exit !== null) return `The new version ended with exit code ${exit[1]} before it had checked in.`;
  switch (reason) {
    case 'silent':
      return `The new version did not check in within ${order === null ? 'its time' : `${order.trialSeconds} s`}.`;
    case 'interrupted':
      return 'The host or the launcher was stopped while the new version was tried.';
    default:
      return 'The new version was not there when it was to be tried.';
  }
}
