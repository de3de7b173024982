import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import {
  SSH_STEPS,
  type SshAnswersSchema,
  type SshHostKey,
  type SshInstall,
  type SshStepName,
} from '../../protocol/api/ssh-installs.ts';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { OutrunnerError, toProblem } from '../../protocol/problems.ts';
import { isoTime } from '../store/stored-forms.ts';
import { addressText } from './explain-connection.ts';
import type { SshInstallPorts, StepEvent } from './install-ports.ts';
import type { HostQuestions } from './sign-in.ts';

/** What is installed, where, and by whom. */
export type WhatIsInstalled = Pick<
  SshInstall,
  'id' | 'runner' | 'from' | 'where' | 'host' | 'port' | 'user' | 'mode' | 'name' | 'by'
>;

/** What an installation needs beside a person who watches it. */
export interface InstallNeeds {
  knownHostKey(): Promise<SshInstall['knownHostKey']>;
  /** Keeps a key that was confirmed. */
  rememberHostKey(key: SshHostKey): Promise<void>;
  readonly packageFor: SshInstallPorts['packageFor'];
  /** `since`: when the installation began, by the clock. */
  checkedIn(since: number, signal: AbortSignal): Promise<string>;
}

const LINES_SHOWN = 100;
const LONGEST_LINE = 300;
const BETWEEN_EVENTS_MS = 200;
const ANSWER_WITHIN_MS = 10 * 60_000;

/**
 * One installation as it is watched: what is shown of it, and what a person is asked. The credentials are not here: they end
 * with the run.
 */
export class WatchedInstall {
  readonly #clock: Clock;
  readonly #changed: (install: SshInstall) => void;
  readonly #abort = new AbortController();
  #view: SshInstall;
  /** Set while a person is asked about the host key. */
  #keyQuestion: PromiseWithResolvers<boolean> | null = null;
  /** Set while a person is asked what the host asks. */
  #hostQuestions: PromiseWithResolvers<readonly string[]> | null = null;
  /** Set when it was told lately. */
  #lately: Timer | null = null;
  #untold = false;
  #over: Promise<OutrunnerError | null> = Promise.resolve(null);

  /** `changed` hears of every change, a few times a second. */
  constructor(what: WhatIsInstalled, clock: Clock, changed: (install: SshInstall) => void) {
    this.#clock = clock;
    this.#changed = changed;
    this.#view = {
      ...what,
      state: 'running',
      startedAt: isoTime(clock.now()),
      endedAt: null,
      platform: null,
      hostKey: null,
      knownHostKey: null,
      questions: null,
      steps: SSH_STEPS.map((step) => ({ step, state: 'waiting', detail: '', progress: null })),
      output: [],
      problem: null,
    };
  }

  get view(): SshInstall {
    return this.#view;
  }

  get isOver(): boolean {
    return this.#view.endedAt !== null;
  }

  /** Resolves when it has ended: with null, or with what was in the way. */
  get over(): Promise<OutrunnerError | null> {
    return this.#over;
  }

  /**
   * Runs it; once. `expected`: the fingerprint of a host key that somebody compared already.
   * `broke` hears of errors that nobody foresaw.
   */
  run(
    install: (ports: SshInstallPorts, signal: AbortSignal) => Promise<void>,
    needs: InstallNeeds,
    expected: string | null,
    broke: (error: unknown) => void,
  ): void {
    this.#over = this.#run(install, needs, expected).then(
      () => this.#end(null),
      async (error: unknown) => {
        const problem = error instanceof OutrunnerError ? error : new OutrunnerError('internal', { cause: error });
        if (problem !== error) broke(error);
        if (problem.code === 'ssh-host-key-changed') {
          const known = await needs.knownHostKey().catch(() => null);
          if (known !== null) {
            const { id, type, fingerprint } = known;
            this.#change({ knownHostKey: { id, type, fingerprint } });
          }
        }
        return this.#end(problem);
      },
    );
  }

  /** Ends it, as far as it still runs. */
  cancel(reason = new OutrunnerError('ssh-install-cancelled', { detail: 'It was cancelled.' })): void {
    this.#abort.abort(reason);
  }

  /** @throws OutrunnerError `conflict` when this key is not asked about. */
  answerHostKey(fingerprint: string, accept: boolean): SshInstall {
    const question = this.#keyQuestion;
    if (question === null || this.#view.hostKey?.fingerprint !== fingerprint) {
      throw new OutrunnerError('conflict', { detail: 'This installation does not ask about this host key now.' });
    }
    this.#keyQuestion = null;
    this.#change({ state: 'running' });
    question.resolve(accept);
    return this.#view;
  }

  /** @throws OutrunnerError `conflict` when these are not asked now, `invalid-input` when there are more or fewer answers. */
  answerQuestions({ questions: id, answers }: z.output<typeof SshAnswersSchema>): SshInstall {
    const question = this.#hostQuestions;
    const { questions } = this.#view;
    if (question === null || questions?.id !== id) {
      throw new OutrunnerError('conflict', { detail: 'The host does not ask this now.' });
    }
    if (answers.length !== questions.questions.length) {
      const message = `The host asks ${questions.questions.length} questions; ${answers.length} were answered.`;
      throw new OutrunnerError('invalid-input', { detail: message, fields: [{ path: 'answers', message }] });
    }
    this.#hostQuestions = null;
    this.#change({ state: 'running', questions: null });
    question.resolve(answers);
    return this.#view;
  }

  async #run(
    install: (ports: SshInstallPorts, signal: AbortSignal) => Promise<void>,
    needs: InstallNeeds,
    expected: string | null,
  ): Promise<void> {
    const clock = this.#clock;
    let since = clock.now();
    const ports: SshInstallPorts = {
      clock,
      knownHostKey: () => needs.knownHostKey(),
      presented: (hostKey) => this.#change({ hostKey }),
      confirmHostKey: async (key) => {
        await this.#confirm(key, expected);
        await needs.rememberHostKey(key);
      },
      ask: (questions, over) => this.#ask(questions, over),
      packageFor: (platform, progress) => {
        this.#change({ platform });
        return needs.packageFor(platform, progress);
      },
      checkedIn: (signal) => needs.checkedIn(since, signal),
      tell: (step, event) => {
        if (step === 'install' && this.#view.steps.some((one) => one.step === step && one.state === 'waiting'))
          since = clock.now();
        this.#tell(step, event);
      },
      printed: (line) =>
        this.#change({ output: [...this.#view.output, line.slice(0, LONGEST_LINE)].slice(-LINES_SHOWN) }),
    };
    await install(ports, this.#abort.signal);
  }

  /** A key that nobody knows: it is the one that the caller compared before, or a person is asked now. */
  async #confirm(key: SshHostKey, expected: string | null): Promise<void> {
    const where = addressText(this.#view);
    if (expected !== null && expected !== key.fingerprint) {
      const detail = `${where} has the key ${key.type} ${key.fingerprint}; expected was ${expected}. Nothing was sent to it.`;
      throw new OutrunnerError('ssh-host-key-changed', { detail });
    }
    if (expected !== null) return;
    const question = Promise.withResolvers<boolean>();
    this.#keyQuestion = question;
    this.#change({ state: 'waiting-for-host-key' });
    const accepted = await this.#answered(question, 'ssh-host-key-refused').finally(() => {
      this.#keyQuestion = null;
    });
    if (!accepted) {
      throw new OutrunnerError('ssh-host-key-refused', { detail: `The key of ${where} was not accepted.` });
    }
  }

  async #ask(asked: HostQuestions, over: AbortSignal): Promise<readonly string[]> {
    const question = Promise.withResolvers<readonly string[]>();
    this.#hostQuestions = question;
    this.#change({ state: 'waiting-for-answers', questions: { id: randomUUID(), ...asked } });
    const withdraw = () => question.reject(over.reason);
    over.addEventListener('abort', withdraw, { once: true });
    return this.#answered(question, 'ssh-sign-in-refused').finally(() => {
      over.removeEventListener('abort', withdraw);
      this.#hostQuestions = null;
      if (this.#view.questions !== null) this.#change({ state: 'running', questions: null });
    });
  }

  async #answered<T>(
    question: PromiseWithResolvers<T>,
    code: 'ssh-host-key-refused' | 'ssh-sign-in-refused',
  ): Promise<T> {
    const timer = this.#clock.after(ANSWER_WITHIN_MS, () => {
      const detail = `Nobody answered for ${ANSWER_WITHIN_MS / 60_000} minutes.`;
      question.reject(new OutrunnerError(code, { detail }));
    });
    return question.promise.finally(() => timer.cancel());
  }

  #tell(name: SshStepName, { state, detail, progress }: StepEvent): void {
    const steps = this.#view.steps.map((one) =>
      one.step === name
        ? {
            ...one,
            state,
            detail: detail ?? one.detail,
            progress: progress ?? (state === 'running' ? one.progress : null),
          }
        : one,
    );
    this.#change({ steps });
  }

  /** Changes what is shown and says so, not more than a few times a second. */
  #change(change: Partial<SshInstall>): void {
    const atOnce = change.state !== undefined && change.state !== this.#view.state;
    this.#view = { ...this.#view, ...change };
    if (this.#lately !== null && !atOnce) this.#untold = true;
    else this.#publish();
  }

  #publish(): void {
    this.#lately?.cancel();
    this.#untold = false;
    this.#changed(this.#view);
    this.#lately = this.isOver
      ? null
      : this.#clock.after(BETWEEN_EVENTS_MS, () => {
          this.#lately = null;
          if (this.#untold) this.#publish();
        });
  }

  #end(problem: OutrunnerError | null): OutrunnerError | null {
    const steps = this.#view.steps.map((one) =>
      one.state === 'waiting' || one.state === 'running' ? { ...one, state: 'left' as const } : one,
    );
    this.#change({
      state: problem === null ? 'succeeded' : 'failed',
      endedAt: isoTime(this.#clock.now()),
      questions: null,
      steps,
      problem: problem === null ? null : toProblem(problem),
    });
    return problem;
  }
}
