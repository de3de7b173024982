import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { z } from 'zod';
import type {
  NewLocalInstallSchema,
  NewSshInstallSchema,
  SshAnswersSchema,
  SshInstall,
} from '../protocol/api/ssh-installs.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import type { Target } from './api-request.ts';
import { callCoordinator } from './coordinator-call.ts';
import { type InstallAbout, InstallRun, type InstallRunDeps, type WhatIsAsked } from './ssh-install-run.ts';

type Input = z.output<typeof NewSshInstallSchema>;
type LocalInput = z.output<typeof NewLocalInstallSchema>;

export interface SshInstallsDeps extends InstallRunDeps {
  target(): Promise<Target>;
  /** Asks the person, outside of the page, whether this may be installed there. `where` null: on this computer. */
  confirm(runner: string, where: string | null, coordinator: string): Promise<boolean>;
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

/** Ended ones that are remembered. */
const REMEMBERED = 20;
/** For the folders on hosts to be removed; after that the hosts do it alone. */
const STOP_WITHIN_MS = 4000;

export function createSshInstalls(deps: SshInstallsDeps): SshInstalls {
  const { caller, hostKeys } = deps;
  const runs = new Map<string, InstallRun>();
  /** What a person confirmed since the shell was started: another try at the same is not asked about again. */
  const confirmed = new Set<string>();
  /** Runners whose installation is being prepared. */
  const starting = new Set<string>();

  const need = (id: string): { run: InstallRun; view: SshInstall } => {
    const run = runs.get(id);
    if (run === undefined || run.view === null) throw new OutrunnerError('not-found');
    return { run, view: run.view };
  };
  const assertFree = (runner: string) => {
    const views = [...runs.values()].map(({ view }) => view);
    const where = views.find((view) => view?.runner === runner && view.endedAt === null)?.host;
    if (where === undefined && !starting.has(runner)) return;
    const detail = `This Runner is being installed${where === undefined ? '' : ` on ${where}`} already.`;
    throw new OutrunnerError('conflict', { detail });
  };

  async function prepare(id: string, asked: WhatIsAsked): Promise<InstallAbout> {
    const target = await deps.target();
    // Says whether this person may, and whether there is a token, before anybody is asked and any host is.
    const [{ config }, { user }, runner] = await Promise.all([
      callCoordinator(caller, target, 'describeInstall', { params: { id } }),
      callCoordinator(caller, target, 'me', {}),
      callCoordinator(caller, target, 'getRunner', { params: { id } }),
    ]);
    const where = asked.where === 'here' ? null : addressOf(asked.input);
    const what = JSON.stringify([target.url, id, where]);
    if (!confirmed.has(what) && !(await deps.confirm(runner.name, where, new URL(target.url).host))) {
      throw new OutrunnerError('ssh-install-cancelled', { detail: 'It was not confirmed.' });
    }
    confirmed.add(what);
    return { id: randomUUID(), target, asked, by: user.name, runner, coordinatorUrl: config.coordinator.url };
  }

  function launch(about: InstallAbout): Promise<SshInstall> {
    const run = new InstallRun(deps, about);
    runs.set(about.id, run);
    void run.over.then(() => {
      if (run.view === null) runs.delete(about.id);
      const ended = [...runs].filter(([, { view }]) => view !== null && view.endedAt !== null);
      for (const [old] of ended.slice(0, -REMEMBERED)) runs.delete(old);
    });
    return run.begun;
  }

  async function begin(runner: string, asked: WhatIsAsked): Promise<SshInstall> {
    assertFree(runner);
    starting.add(runner);
    try {
      return await launch(await prepare(runner, asked));
    } finally {
      starting.delete(runner);
    }
  }

  return {
    start: (runner, input) => begin(runner, { where: 'ssh', input }),
    startHere: (runner, input) => begin(runner, { where: 'here', input }),
    list: (runner) => [...runs.values()].flatMap(({ view }) => (view?.runner === runner ? [view] : [])).reverse(),
    get: (id) => need(id).view,
    answerHostKey(id, fingerprint, accept) {
      const { run, view } = need(id);
      if (view.state !== 'waiting-for-host-key' || view.hostKey?.fingerprint !== fingerprint) {
        throw new OutrunnerError('conflict', { detail: 'This installation does not ask about this host key now.' });
      }
      run.say({ type: 'answer-host-key', fingerprint, accept });
    },
    answerQuestions(id, answers) {
      const { run, view } = need(id);
      if (view.questions?.id !== answers.questions) {
        throw new OutrunnerError('conflict', { detail: 'The host does not ask this now.' });
      }
      run.say({ type: 'answer-questions', answers });
    },
    cancel(id) {
      const { run, view } = need(id);
      if (view.endedAt === null) run.cancel();
      else runs.delete(id);
    },
    forgetHostKey: (id) => hostKeys.forget(id),
    async stop() {
      const running = [...runs.values()].filter(({ view }) => view === null || view.endedAt === null);
      for (const run of running) run.cancel();
      const timer = caller.clock.after(STOP_WITHIN_MS, () => {
        for (const run of running) run.kill();
      });
      await Promise.all(running.map((run) => run.over));
      timer.cancel();
      await rm(deps.folder, { recursive: true, force: true });
    },
  };
}

/** A host as a person reads it. */
function addressOf({ user, host, port }: Input): string {
  return `${user}@${host}${port === 22 ? '' : ` (port ${port})`}`;
}
