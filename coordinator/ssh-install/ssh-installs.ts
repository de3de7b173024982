import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import {
  type NewLocalInstallSchema,
  type NewSshInstallSchema,
  SSH_STEPS,
  type SshHostKey,
  type SshInstall,
  type SshStepName,
} from '../../protocol/api/ssh-installs.ts';
import type { Timer } from '../../protocol/clock.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { packageFolder } from '../../protocol/package-name.ts';
import { OutrunnerError, toProblem } from '../../protocol/problems.ts';
import type { Logger } from '../http/log.ts';
import type { Live } from '../live/live.ts';
import type { Packages } from '../packages/routes.ts';
import { isoTime } from '../store/stored-forms.ts';
import { type CheckInDeps, untilCheckedIn } from './check-in.ts';
import { addressText } from './explain-connection.ts';
import {
  type InstallRequest,
  installHere,
  installOverSsh,
  type PackageSource,
  type SshInstallPorts,
  type SshInstallRequest,
  type StepEvent,
} from './install-over-ssh.ts';
import type { KnownHostKeys } from './known-host-keys.ts';
import { checkSignIn, type SignIn } from './sign-in.ts';

export interface SshInstallsDeps extends CheckInDeps {
  readonly log: Logger;
  readonly live: Live;
  readonly packages: Packages;
  readonly hostKeys: KnownHostKeys;
  /** Where the SSH agent of this process listens. */
  readonly agentSocket: string | null;
  /** The computer of this coordinator; null where no Runner is to be installed on it from here. */
  readonly here: { readonly host: string; readonly user: string } | null;
}

type Input = z.output<typeof NewSshInstallSchema>;
type LocalInput = z.output<typeof NewLocalInstallSchema>;
type WhatIsInstalled = Pick<SshInstall, 'runner' | 'where' | 'host' | 'port' | 'user' | 'mode' | 'name' | 'by'>;

/** What one installation is made of, beside what is shown of it. The credentials are not here: they end with the run. */
interface Entry {
  view: SshInstall;
  readonly abort: AbortController;
  /** Set while a person is asked. */
  question: PromiseWithResolvers<boolean> | null;
  over: Promise<void>;
  /** Set when it was told lately. */
  lately: Timer | null;
  untold: boolean;
}

const AT_ONCE = 10;
/** Ended ones that are remembered. */
const REMEMBERED = 100;
const LINES_SHOWN = 100;
const LONGEST_LINE = 300;
const BETWEEN_EVENTS_MS = 200;
const ANSWER_WITHIN_MS = 10 * 60_000;
/** At the end of the coordinator, for the folders on hosts to be removed. */
const STOP_WITHIN_MS = 3000;
/** Room for what lies beside the executable. */
const BESIDE_BYTES = 2 << 20;

/** The installations over SSH of this life of the coordinator. */
export class SshInstalls {
  readonly #deps: SshInstallsDeps;
  readonly #entries = new Map<string, Entry>();

  constructor(deps: SshInstallsDeps) {
    this.#deps = deps;
  }

  /**
   * Begins one. @throws OutrunnerError `invalid-input` for a key that cannot be used, `enrolment-needed`, `ssh-agent-missing`,
   * `conflict` while this Runner is being installed, `too-many-requests`.
   */
  async start(runnerId: string, input: Input, by: string, onceId?: string): Promise<SshInstall> {
    const known = onceId === undefined ? undefined : this.#entries.get(onceId);
    if (known !== undefined) return known.view;
    this.#deps.runner(runnerId);
    await checkSignIn(input.auth);
    this.#deps.packages.assertOpen(runnerId);
    const request = this.#requestOf(input);
    this.#assertFree(runnerId);
    const { host, port, user, mode, name } = input;
    const entry = this.#make({ runner: runnerId, where: 'ssh', host, port, user, mode, name, by }, onceId);
    entry.over = this.#run(entry, (ports) => installOverSsh(request, ports, entry.abort.signal), input.hostKey);
    return entry.view;
  }

  /**
   * Begins one on the computer of this coordinator, for its user alone. @throws OutrunnerError `install-here-impossible`,
   * and as {@link start}.
   */
  async startHere(runnerId: string, input: LocalInput, by: string, onceId?: string): Promise<SshInstall> {
    const known = onceId === undefined ? undefined : this.#entries.get(onceId);
    if (known !== undefined) return known.view;
    this.#deps.runner(runnerId);
    const { here, packages } = this.#deps;
    if (here === null) throw new OutrunnerError('install-here-impossible');
    packages.assertOpen(runnerId);
    this.#assertFree(runnerId);
    const { host, user } = here;
    const { name, start } = input;
    const request: InstallRequest = { user, mode: 'user', name, start, sudoPassword: null };
    const entry = this.#make({ runner: runnerId, where: 'here', host, port: 0, user, mode: 'user', name, by }, onceId);
    entry.over = this.#run(entry, (ports) => installHere(request, ports, entry.abort.signal), null);
    return entry.view;
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

  /** @throws OutrunnerError `not-found`, `conflict` when this key is not asked about. */
  answer(id: string, fingerprint: string, accept: boolean): SshInstall {
    const entry = this.#need(id);
    if (entry.question === null || entry.view.hostKey?.fingerprint !== fingerprint) {
      throw new OutrunnerError('conflict', { detail: 'This installation does not ask about this host key now.' });
    }
    const { question } = entry;
    entry.question = null;
    this.#change(entry, { state: 'running' });
    question.resolve(accept);
    return entry.view;
  }

  /** Cancels what runs, forgets what has ended. @throws OutrunnerError `not-found`. */
  cancel(id: string): void {
    const entry = this.#need(id);
    if (entry.view.endedAt !== null) this.#entries.delete(id);
    else entry.abort.abort(new OutrunnerError('ssh-install-cancelled', { detail: 'It was cancelled.' }));
  }

  /** Ends all of them, and gives the hosts a moment for their folders. */
  async stop(): Promise<void> {
    const running = [...this.#entries.values()].filter((entry) => entry.view.endedAt === null);
    if (running.length === 0) return;
    for (const entry of running) entry.abort.abort(new OutrunnerError('shutting-down'));
    const late = Promise.withResolvers<void>();
    const timer = this.#deps.clock.after(STOP_WITHIN_MS, () => late.resolve());
    await Promise.race([Promise.all(running.map((entry) => entry.over)), late.promise]);
    timer.cancel();
  }

  #need(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new OutrunnerError('not-found');
    return entry;
  }

  #assertFree(runnerId: string): void {
    const running = [...this.#entries.values()].filter((entry) => entry.view.endedAt === null);
    const same = running.find((entry) => entry.view.runner === runnerId)?.view;
    if (same !== undefined) {
      throw new OutrunnerError('conflict', { detail: `This Runner is being installed on ${same.host} already.` });
    }
    if (running.length >= AT_ONCE) {
      throw new OutrunnerError('too-many-requests', { detail: `${AT_ONCE} installations run already.` });
    }
  }

  #requestOf(input: Input): SshInstallRequest {
    const { host, port, user, mode, name, start } = input;
    const signIn = this.#signIn(input.auth);
    const sudoPassword = input.sudoPassword ?? (signIn.method === 'password' ? signIn.password : null);
    return { host, port, user, mode, name, start, signIn, sudoPassword };
  }

  #signIn(auth: Input['auth']): SignIn {
    if (auth.method !== 'agent') return auth;
    if (this.#deps.agentSocket !== null) return { method: 'agent', socket: this.#deps.agentSocket };
    throw new OutrunnerError('ssh-agent-missing', { detail: 'The coordinator has no SSH agent.' });
  }

  #make(what: WhatIsInstalled, onceId: string | undefined): Entry {
    const id = onceId ?? randomUUID();
    const entry: Entry = {
      view: {
        id,
        ...what,
        state: 'running',
        startedAt: isoTime(this.#deps.clock.now()),
        endedAt: null,
        platform: null,
        hostKey: null,
        knownHostKey: null,
        steps: SSH_STEPS.map((step) => ({ step, state: 'waiting', detail: '', progress: null })),
        output: [],
        problem: null,
      },
      abort: new AbortController(),
      question: null,
      over: Promise.resolve(),
      lately: null,
      untold: false,
    };
    this.#entries.set(id, entry);
    this.#deps.live.publish({ topic: 'ssh-install', action: 'created', id, install: entry.view });
    return entry;
  }

  async #run(entry: Entry, install: (ports: SshInstallPorts) => Promise<void>, expected: string | null): Promise<void> {
    const { log, clock, hostKeys } = this.#deps;
    const { id, runner, where, host, port, user, by } = entry.view;
    const facts = { install: id, runner, where, host, port, user, by };
    log.info(facts, 'an installation begins');
    let since = clock.now();
    try {
      await install({
        clock,
        knownHostKey: () => hostKeys.find(entry.view),
        presented: (hostKey) => this.#change(entry, { hostKey }),
        confirmHostKey: (key) => this.#confirm(entry, key, expected),
        packageFor: (platform) => this.#packageFor(entry, platform),
        checkedIn: (signal) => untilCheckedIn(this.#deps, runner, since, signal),
        tell: (step, event) => {
          if (step === 'install' && entry.view.steps.some((one) => one.step === step && one.state === 'waiting'))
            since = clock.now();
          this.#tell(entry, step, event);
        },
        printed: (line) => this.#printed(entry, line),
      });
      log.info(facts, 'an installation succeeded');
      this.#end(entry, null);
    } catch (error) {
      const problem = error instanceof OutrunnerError ? error : new OutrunnerError('internal', { cause: error });
      if (problem.code === 'internal') log.error({ ...facts, err: error }, 'an installation broke');
      else log.warn({ ...facts, code: problem.code, detail: problem.message }, 'an installation failed');
      if (problem.code === 'ssh-host-key-changed') {
        const known = await hostKeys.find(entry.view).catch(() => null);
        if (known !== null) {
          const { id: knownId, type, fingerprint } = known;
          this.#change(entry, { knownHostKey: { id: knownId, type, fingerprint } });
        }
      }
      this.#end(entry, problem);
    }
  }

  /** A key that nobody knows: it is the one that the caller compared before, or a person is asked now. */
  async #confirm(entry: Entry, key: SshHostKey, expected: string | null): Promise<void> {
    const { hostKeys, clock } = this.#deps;
    const where = addressText(entry.view);
    if (expected !== null && expected !== key.fingerprint) {
      const detail = `${where} has the key ${key.type} ${key.fingerprint}; expected was ${expected}. Nothing was sent to it.`;
      throw new OutrunnerError('ssh-host-key-changed', { detail });
    }
    if (expected === null) {
      const question = Promise.withResolvers<boolean>();
      entry.question = question;
      this.#change(entry, { state: 'waiting-for-host-key' });
      const timer = clock.after(ANSWER_WITHIN_MS, () => {
        const detail = `Nobody answered for ${ANSWER_WITHIN_MS / 60_000} minutes.`;
        question.reject(new OutrunnerError('ssh-host-key-refused', { detail }));
      });
      const accepted = await question.promise.finally(() => {
        timer.cancel();
        entry.question = null;
      });
      if (!accepted) {
        throw new OutrunnerError('ssh-host-key-refused', { detail: `The key of ${where} was not accepted.` });
      }
    }
    await hostKeys.remember(entry.view, key, entry.view.by);
  }

  async #packageFor(entry: Entry, platform: PlatformTarget): Promise<PackageSource> {
    this.#change(entry, { platform });
    const { runner } = entry.view;
    const { made, executableSize } = await this.#deps.packages.take(runner, platform);
    return {
      size: made.archive.size,
      sha256: await made.archive.sha256(),
      unpackedSize: executableSize + BESIDE_BYTES,
      folder: packageFolder(this.#deps.runner(runner).row.name),
      open: () => made.archive.stream() as AsyncIterable<Buffer>,
    };
  }

  #tell(entry: Entry, name: SshStepName, { state, detail, progress }: StepEvent): void {
    const steps = entry.view.steps.map((one) =>
      one.step === name
        ? {
            ...one,
            state,
            detail: detail ?? one.detail,
            progress: progress ?? (state === 'running' ? one.progress : null),
          }
        : one,
    );
    this.#change(entry, { steps });
  }

  #printed(entry: Entry, line: string): void {
    this.#change(entry, { output: [...entry.view.output, line.slice(0, LONGEST_LINE)].slice(-LINES_SHOWN) });
  }

  /** Changes what is shown and says so, not more than a few times a second. */
  #change(entry: Entry, change: Partial<SshInstall>): void {
    const atOnce = change.state !== undefined && change.state !== entry.view.state;
    entry.view = { ...entry.view, ...change };
    if (entry.lately !== null && !atOnce) entry.untold = true;
    else this.#publish(entry);
  }

  #publish(entry: Entry): void {
    const { live, clock } = this.#deps;
    entry.lately?.cancel();
    entry.untold = false;
    live.publish({ topic: 'ssh-install', action: 'updated', id: entry.view.id, install: entry.view });
    entry.lately =
      entry.view.endedAt !== null
        ? null
        : clock.after(BETWEEN_EVENTS_MS, () => {
            entry.lately = null;
            if (entry.untold) this.#publish(entry);
          });
  }

  #end(entry: Entry, problem: OutrunnerError | null): void {
    const left = entry.view.steps.map((one) =>
      one.state === 'waiting' || one.state === 'running' ? { ...one, state: 'left' as const } : one,
    );
    entry.question = null;
    this.#change(entry, {
      state: problem === null ? 'succeeded' : 'failed',
      endedAt: isoTime(this.#deps.clock.now()),
      steps: left,
      problem: problem === null ? null : toProblem(problem),
    });
    const ended = [...this.#entries.values()].filter(({ view }) => view.endedAt !== null);
    for (const { view } of ended.slice(0, -REMEMBERED)) this.#entries.delete(view.id);
  }
}
