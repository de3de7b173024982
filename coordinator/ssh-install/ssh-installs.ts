import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type {
  NewLocalInstallSchema,
  NewSshInstallSchema,
  SshAnswersSchema,
  SshInstall,
} from '../../protocol/api/ssh-installs.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { packageFolder } from '../../protocol/package-name.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { BESIDE_EXECUTABLE_BYTES } from '../../protocol/ssh-install-process.ts';
import type { Logger } from '../http/log.ts';
import type { Live } from '../live/live.ts';
import type { HostNetwork, Packages } from '../packages/routes.ts';
import { type CheckInDeps, untilCheckedIn } from './check-in.ts';
import type { PackageSource } from './install-ports.ts';
import { type Installation, onThisComputer, overSsh } from './installation.ts';
import type { KnownHostKeys } from './known-host-keys.ts';
import type { ThisComputer } from './this-computer.ts';
import { WatchedInstall } from './watched-install.ts';

export interface SshInstallsDeps extends CheckInDeps {
  readonly log: Logger;
  readonly live: Live;
  readonly packages: Packages;
  readonly hostKeys: KnownHostKeys;
  /** Where the SSH agent of this process listens. */
  readonly agentSocket: string | null;
  /** The computer of this coordinator; null where no Runner is to be installed on it from here. */
  readonly here: ThisComputer | null;
}

type Input = z.output<typeof NewSshInstallSchema>;
type LocalInput = z.output<typeof NewLocalInstallSchema>;

const AT_ONCE = 10;
/** Ended ones that are remembered. */
const REMEMBERED = 100;
/** At the end of the coordinator, for the folders on hosts to be removed. */
const STOP_WITHIN_MS = 3000;

/** The installations over SSH of this life of the coordinator. */
export class SshInstalls {
  readonly #deps: SshInstallsDeps;
  readonly #entries = new Map<string, WatchedInstall>();

  constructor(deps: SshInstallsDeps) {
    this.#deps = deps;
  }

  /**
   * Begins one. @throws OutrunnerError `invalid-input` for a key that cannot be used, `enrolment-needed`, `ssh-agent-missing`,
   * `conflict` while this Runner is being installed, `too-many-requests`.
   */
  async start(runner: string, input: Input, by: string, onceId?: string): Promise<SshInstall> {
    const known = onceId === undefined ? undefined : this.#entries.get(onceId);
    if (known !== undefined) return known.view;
    this.#deps.runner(runner);
    const installation = await overSsh(input, this.#deps.agentSocket);
    return this.#begin(runner, by, onceId, installation, input);
  }

  /**
   * Begins one on the computer of this coordinator, for its user alone. @throws OutrunnerError `install-here-impossible`,
   * and as {@link start}.
   */
  async startHere(runner: string, input: LocalInput, by: string, onceId?: string): Promise<SshInstall> {
    const known = onceId === undefined ? undefined : this.#entries.get(onceId);
    if (known !== undefined) return known.view;
    this.#deps.runner(runner);
    const installation = onThisComputer(input, this.#deps.here);
    return this.#begin(runner, by, onceId, installation, { ...input, hostKey: null });
  }

  /** Newest first. @throws OutrunnerError `not-found` when there is no such Runner. */
  list(runnerId: string): SshInstall[] {
    this.#deps.runner(runnerId);
    const all = [...this.#entries.values()].map((entry) => entry.view);
    return all.filter((view) => view.runner === runnerId).reverse();
  }

  /** @throws OutrunnerError `not-found`. */
  get(id: string): SshInstall {
    return this.#need(id).view;
  }

  /** @throws OutrunnerError `not-found`, and as {@link WatchedInstall.answerHostKey}. */
  answerHostKey(id: string, fingerprint: string, accept: boolean): SshInstall {
    return this.#need(id).answerHostKey(fingerprint, accept);
  }

  /** @throws OutrunnerError `not-found`, and as {@link WatchedInstall.answerQuestions}. */
  answerQuestions(id: string, answers: z.output<typeof SshAnswersSchema>): SshInstall {
    return this.#need(id).answerQuestions(answers);
  }

  /** Cancels what runs, forgets what has ended. @throws OutrunnerError `not-found`. */
  cancel(id: string): void {
    const entry = this.#need(id);
    if (entry.isOver) this.#entries.delete(id);
    else entry.cancel();
  }

  /** Ends all of them, and gives the hosts a moment for their folders. */
  async stop(): Promise<void> {
    const running = [...this.#entries.values()].filter((entry) => !entry.isOver);
    if (running.length === 0) return;
    for (const entry of running) entry.cancel(new OutrunnerError('shutting-down'));
    const late = Promise.withResolvers<void>();
    const timer = this.#deps.clock.after(STOP_WITHIN_MS, () => late.resolve());
    await Promise.race([Promise.all(running.map((entry) => entry.over)), late.promise]);
    timer.cancel();
  }

  #need(id: string): WatchedInstall {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new OutrunnerError('not-found');
    return entry;
  }

  #assertFree(runnerId: string): void {
    const running = [...this.#entries.values()].filter((entry) => !entry.isOver);
    const same = running.find((entry) => entry.view.runner === runnerId)?.view;
    if (same !== undefined) {
      throw new OutrunnerError('conflict', { detail: `This Runner is being installed on ${same.host} already.` });
    }
    if (running.length >= AT_ONCE) {
      throw new OutrunnerError('too-many-requests', { detail: `${AT_ONCE} installations run already.` });
    }
  }

  #begin(
    runner: string,
    by: string,
    onceId: string | undefined,
    { what, run }: Installation,
    { hostKey, proxy, ca }: Pick<Input, 'hostKey' | 'proxy' | 'ca'>,
  ): SshInstall {
    const { clock, live, hostKeys, packages } = this.#deps;
    packages.assertOpen(runner);
    this.#assertFree(runner);
    const id = onceId ?? randomUUID();
    const entry = new WatchedInstall({ id, runner, from: 'coordinator', by, ...what }, clock, (now) =>
      live.publish({ topic: 'ssh-install', action: 'updated', id, install: now }),
    );
    this.#entries.set(id, entry);
    live.publish({ topic: 'ssh-install', action: 'created', id, install: entry.view });
    this.#log(entry, () =>
      entry.run(
        run,
        {
          knownHostKey: () => hostKeys.find(what),
          rememberHostKey: (key) => hostKeys.remember(what, key, by),
          packageFor: (platform) => this.#packageFor(runner, platform, { proxy, ca }),
          checkedIn: (since, signal) => untilCheckedIn(this.#deps, runner, since, signal),
        },
        hostKey,
        (error) => this.#deps.log.error({ install: id, err: error }, 'an installation broke'),
      ),
    );
    return entry.view;
  }

  #log(entry: WatchedInstall, run: () => void): void {
    const { log } = this.#deps;
    const { id, runner, where, host, port, user, by } = entry.view;
    const facts = { install: id, runner, where, host, port, user, by };
    log.info(facts, 'an installation begins');
    run();
    void entry.over.then((problem) => {
      if (problem === null) log.info(facts, 'an installation succeeded');
      else log.warn({ ...facts, code: problem.code, detail: problem.message }, 'an installation failed');
      const ended = [...this.#entries.values()].filter((one) => one.isOver);
      for (const { view } of ended.slice(0, -REMEMBERED)) this.#entries.delete(view.id);
    });
  }

  async #packageFor(runner: string, platform: PlatformTarget, network: HostNetwork): Promise<PackageSource> {
    const { made, executableSize } = await this.#deps.packages.take(runner, platform, network);
    return {
      size: made.archive.size,
      sha256: await made.archive.sha256(),
      unpackedSize: executableSize + BESIDE_EXECUTABLE_BYTES,
      folder: packageFolder(this.#deps.runner(runner).row.name),
      open: () => made.archive.stream() as AsyncIterable<Buffer>,
    };
  }
}
