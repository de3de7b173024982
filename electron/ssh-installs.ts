import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { Runner } from '../protocol/api/runners.ts';
import type {
  NewLocalInstallSchema,
  NewSshInstallSchema,
  SshAnswersSchema,
  SshHostKey,
  SshInstall,
} from '../protocol/api/ssh-installs.ts';
import type { PlatformTarget } from '../protocol/enrolment.ts';
import { packageFolder } from '../protocol/package-name.ts';
import { fromProblem, OutrunnerError, toProblem } from '../protocol/problems.ts';
import {
  BESIDE_EXECUTABLE_BYTES,
  type FromInstallProcess,
  type StoredPackage,
  type ToInstallProcess,
} from '../protocol/ssh-install-process.ts';
import type { Target } from './api-request.ts';
import { awaitCheckIn } from './await-check-in.ts';
import type { ConsoleHostKeys } from './console-host-keys.ts';
import { type Caller, callCoordinator } from './coordinator-call.ts';
import { downloadPackage } from './download-package.ts';
import type { InstallProcess } from './install-process.ts';

type Input = z.output<typeof NewSshInstallSchema>;
type LocalInput = z.output<typeof NewLocalInstallSchema>;

export interface SshInstallsDeps {
  readonly caller: Caller;
  /** The release key that this console was built with; null in a development build. */
  readonly trustedKey: string | null;
  readonly hostKeys: ConsoleHostKeys;
  /** Where packages lie while they are sent; nobody else may look into it. */
  readonly folder: string;
  target(): Promise<Target>;
  startProcess(hear: (message: FromInstallProcess) => void): InstallProcess;
  /** Asks the person, outside of the page, whether this may be installed there. `where` null: on this computer. */
  confirm(runner: string, where: string | null, coordinator: string): Promise<boolean>;
  /** Called at each change of what is shown of one. */
  changed(install: SshInstall): void;
  report(message: string): void;
}

/** Installations that this computer makes, over SSH and on itself, each by a process of its own. */
export interface SshInstalls {
  /**
   * Begins one, after the coordinator said that it may be and the person confirmed it. @throws OutrunnerError the coordinator's
   * problem (`enrolment-needed`), `invalid-input`, `conflict` while this Runner is being installed, `ssh-install-cancelled`.
   */
  start(runner: string, install: Input): Promise<SshInstall>;
  /** Begins one on this computer, for who runs the console. @throws OutrunnerError `install-here-impossible`, and as {@link start}. */
  startHere(runner: string, install: LocalInput): Promise<SshInstall>;
  /** Newest first. */
  list(runner: string): SshInstall[];
  /** @throws OutrunnerError `not-found`. */
  get(id: string): SshInstall;
  /** @throws OutrunnerError `not-found`, `conflict` when this is not asked now. */
  answerHostKey(id: string, fingerprint: string, accept: boolean): void;
  answerQuestions(id: string, answers: z.output<typeof SshAnswersSchema>): void;
  /** Cancels one that runs, forgets one that has ended. @throws OutrunnerError `not-found`. */
  cancel(id: string): void;
  forgetHostKey(id: string): Promise<void>;
  /** Ends all of them, and gives the hosts a moment for their folders. */
  stop(): Promise<void>;
}

interface Entry {
  view: SshInstall | null;
  readonly process: InstallProcess;
  /** Ends what the shell does for it. */
  readonly abort: AbortController;
}

type What = { readonly where: 'ssh'; readonly input: Input } | { readonly where: 'here'; readonly input: LocalInput };

/** What one installation is about, for the shell. */
interface About {
  readonly id: string;
  readonly target: Target;
  readonly what: What;
  readonly by: string;
  readonly runner: Runner;
  /** Where the Runner looks for the coordinator. */
  readonly coordinatorUrl: string;
}

/** Ended ones that are remembered. */
const REMEMBERED = 20;
/** For the folders on hosts to be removed; after that the hosts do it alone. */
const STOP_WITHIN_MS = 4000;

export function createSshInstalls(deps: SshInstallsDeps): SshInstalls {
  const { caller, hostKeys } = deps;
  const entries = new Map<string, Entry>();
  /** What a person confirmed since the shell was started: another try at the same is not asked about again. */
  const confirmed = new Set<string>();
  const starting = new Set<string>();

  const need = (id: string): Entry & { view: SshInstall } => {
    const entry = entries.get(id);
    if (entry?.view == null) throw new OutrunnerError('not-found');
    return entry as Entry & { view: SshInstall };
  };
  const assertFree = (runner: string) => {
    const running = [...entries.values()].find(({ view }) => view?.runner === runner && view.endedAt === null);
    const where = running?.view?.host;
    if (where === undefined && !starting.has(runner)) return;
    throw new OutrunnerError('conflict', {
      detail: `This Runner is being installed${where ? ` on ${where}` : ''} already.`,
    });
  };

  async function prepare(runner: string, what: What): Promise<About> {
    const target = await deps.target();
    // Says whether this person may, and whether there is a token, before anybody is asked and any host is.
    const [{ config }, { user }, record] = await Promise.all([
      callCoordinator(caller, target, 'describeInstall', { params: { id: runner } }),
      callCoordinator(caller, target, 'me', {}),
      callCoordinator(caller, target, 'getRunner', { params: { id: runner } }),
    ]);
    const where = what.where === 'here' ? null : addressOf(what.input);
    const asked = JSON.stringify([target.url, runner, where]);
    if (!confirmed.has(asked) && !(await deps.confirm(record.name, where, new URL(target.url).host))) {
      throw new OutrunnerError('ssh-install-cancelled', { detail: 'It was not confirmed.' });
    }
    confirmed.add(asked);
    const by = user.name;
    return { id: randomUUID(), target, what, by, runner: record, coordinatorUrl: config.coordinator.url };
  }

  function launch(about: About): Promise<SshInstall> {
    const { id, runner } = about;
    const begun = Promise.withResolvers<SshInstall>();
    const show = (view: SshInstall) => {
      entry.view = view;
      deps.changed(view);
      begun.resolve(view);
      if (view.endedAt !== null) end();
    };
    const end = () => {
      entry.abort.abort(new OutrunnerError('ssh-install-cancelled'));
      entry.process.kill();
    };
    const hear = (message: FromInstallProcess) => {
      switch (message.type) {
        case 'changed':
          return show(message.install);
        case 'refused':
          begun.reject(fromProblem(message.problem));
          return end();
        case 'need-package':
          return reply('package', fetchPackage(about, entry, message.platform));
        case 'keep-host-key':
          return reply('host-key-kept', keepHostKey(about, message.key));
        case 'need-check-in':
          return reply(
            'checked-in',
            awaitCheckIn(caller, about.target, runner, about.coordinatorUrl, entry.abort.signal),
          );
      }
    };
    const reply = <T extends StoredPackage | string | null>(
      type: 'package' | 'host-key-kept' | 'checked-in',
      work: Promise<T>,
    ) => {
      work.then(
        (value) => entry.process.say({ type, answer: { ok: true, value } } as Parameters<InstallProcess['say']>[0]),
        (error: unknown) => {
          if (!(error instanceof OutrunnerError))
            deps.report(`ssh-install: ${error instanceof Error ? error.stack : error}`);
          const problem = error instanceof OutrunnerError ? error : new OutrunnerError('internal', { cause: error });
          entry.process.say({ type, answer: { ok: false, problem: toProblem(problem) } });
        },
      );
    };
    const entry: Entry = { view: null, process: deps.startProcess(hear), abort: new AbortController() };
    entries.set(id, entry);
    void entry.process.ended.then(async () => {
      entry.abort.abort(new OutrunnerError('ssh-install-cancelled'));
      if (entry.view === null) {
        entries.delete(id);
        begun.reject(new OutrunnerError('internal', { detail: 'The process that installs ended before it began.' }));
      } else if (entry.view.endedAt === null) show(brokenOff(entry.view, caller.clock.now()));
      await rm(packagePath(id), { force: true });
      const ended = [...entries].filter(([, { view }]) => view?.endedAt != null);
      for (const [old] of ended.slice(0, -REMEMBERED)) entries.delete(old);
    });
    entry.process.say(firstMessage(about));
    return begun.promise;
  }

  function firstMessage({ id, by, runner, what }: About): ToInstallProcess {
    const about = { id, runner: runner.id, by };
    if (what.where === 'here') return { type: 'start-here', ...about, request: what.input };
    return { type: 'start', ...about, request: what.input, known: hostKeys.find(what.input.host, what.input.port) };
  }

  async function keepHostKey({ what, by }: About, key: SshHostKey): Promise<null> {
    if (what.where === 'ssh') await hostKeys.remember(what.input.host, what.input.port, key, by);
    return null;
  }

  const packagePath = (id: string) => join(deps.folder, `${id}.tar.gz`);

  /** Downloads and checks it, as for a person who saves it; what is not what was signed never reaches a host. */
  async function fetchPackage(about: About, entry: Entry, platform: PlatformTarget): Promise<StoredPackage> {
    const { id, target, runner } = about;
    const { proxy, ca } = about.what.input;
    await mkdir(deps.folder, { recursive: true, mode: 0o700 });
    const { result, path, content } = await downloadPackage(
      {
        caller,
        trustedKey: deps.trustedKey,
        chooseFile: async () => packagePath(id),
        progress: ({ phase, receivedBytes: done, totalBytes: total }) => {
          if (phase === 'receiving' && total !== null) entry.process.say({ type: 'package-progress', done, total });
        },
      },
      target,
      {
        download: id,
        runner: runner.id,
        platform,
        format: 'tar.gz',
        ...(proxy === null ? {} : { proxy }),
        ...(ca === null ? {} : { ca }),
      },
      entry.abort.signal,
    );
    if (path === null || content === null) throw new OutrunnerError('ssh-install-cancelled');
    const { size, sha256 } = result;
    const unpackedSize = content.executableSize + BESIDE_EXECUTABLE_BYTES;
    return { path, size, sha256, unpackedSize, folder: packageFolder(content.runnerName) };
  }

  async function begin(runner: string, what: What): Promise<SshInstall> {
    assertFree(runner);
    starting.add(runner);
    try {
      return await launch(await prepare(runner, what));
    } finally {
      starting.delete(runner);
    }
  }

  return {
    start: (runner, input) => begin(runner, { where: 'ssh', input }),
    startHere: (runner, input) => begin(runner, { where: 'here', input }),
    list: (runner) => [...entries.values()].flatMap(({ view }) => (view?.runner === runner ? [view] : [])).reverse(),
    get: (id) => need(id).view,
    answerHostKey(id, fingerprint, accept) {
      const { view, process } = need(id);
      if (view.state !== 'waiting-for-host-key' || view.hostKey?.fingerprint !== fingerprint) {
        throw new OutrunnerError('conflict', { detail: 'This installation does not ask about this host key now.' });
      }
      process.say({ type: 'answer-host-key', fingerprint, accept });
    },
    answerQuestions(id, answers) {
      const { view, process } = need(id);
      if (view.questions?.id !== answers.questions) {
        throw new OutrunnerError('conflict', { detail: 'The host does not ask this now.' });
      }
      process.say({ type: 'answer-questions', answers });
    },
    cancel(id) {
      const { view, process, abort } = need(id);
      if (view.endedAt !== null) entries.delete(id);
      else {
        abort.abort(new OutrunnerError('ssh-install-cancelled'));
        process.say({ type: 'cancel' });
      }
    },
    forgetHostKey: (id) => hostKeys.forget(id),
    async stop() {
      const running = [...entries.values()].filter(({ view }) => view?.endedAt == null);
      for (const { process } of running) process.say({ type: 'cancel' });
      const timer = caller.clock.after(STOP_WITHIN_MS, () => {
        for (const { process } of running) process.kill();
      });
      await Promise.all(running.map(({ process }) => process.ended));
      timer.cancel();
      await rm(deps.folder, { recursive: true, force: true });
    },
  };
}

/** A host as a person reads it. */
function addressOf({ user, host, port }: Input): string {
  return `${user}@${host}${port === 22 ? '' : ` (port ${port})`}`;
}

/** One whose process ended without a word. */
function brokenOff(view: SshInstall, now: number): SshInstall {
  const problem = new OutrunnerError('internal', { detail: 'The process that installs has ended in the middle.' });
  return {
    ...view,
    state: 'failed',
    endedAt: new Date(now).toISOString(),
    questions: null,
    steps: view.steps.map((one) => (one.state === 'running' ? { ...one, state: 'failed' } : one)),
    problem: toProblem(problem),
  };
}
