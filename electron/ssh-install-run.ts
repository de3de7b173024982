import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { Runner } from '../protocol/api/runners.ts';
import type {
  NewLocalInstallSchema,
  NewSshInstallSchema,
  SshHostKey,
  SshInstall,
} from '../protocol/api/ssh-installs.ts';
import type { PlatformTarget } from '../protocol/enrolment.ts';
import { packageFolder } from '../protocol/package-name.ts';
import { fromProblem, OutrunnerError, toProblem } from '../protocol/problems.ts';
import { AGENT_TARGET_TABLE } from '../protocol/release.ts';
import {
  BESIDE_EXECUTABLE_BYTES,
  type FromInstallProcess,
  type StoredPackage,
  type ToInstallProcess,
} from '../protocol/ssh-install-process.ts';
import type { Target } from './api-request.ts';
import { awaitCheckIn } from './await-check-in.ts';
import type { ConsoleHostKeys } from './console-host-keys.ts';
import type { Caller } from './coordinator-call.ts';
import { downloadPackage } from './download-package.ts';
import type { InstallProcess } from './install-process.ts';

export interface InstallRunDeps {
  readonly caller: Caller;
  /** The release key that this console was built with; null in a development build. */
  readonly trustedKey: string | null;
  readonly hostKeys: ConsoleHostKeys;
  /** Where packages lie while they are sent; nobody else may look into it. */
  readonly folder: string;
  startProcess(hear: (message: FromInstallProcess) => void): InstallProcess;
  /** Called at each change of what is shown of one. */
  changed(install: SshInstall): void;
  report(message: string): void;
}

/** What was filled in: for a host that is reached over SSH, or for this computer. */
export type WhatIsAsked =
  | { readonly where: 'ssh'; readonly input: z.output<typeof NewSshInstallSchema> }
  | { readonly where: 'here'; readonly input: z.output<typeof NewLocalInstallSchema> };

/** What one installation is about. */
export interface InstallAbout {
  readonly id: string;
  readonly target: Target;
  readonly asked: WhatIsAsked;
  readonly by: string;
  /** As it was before. */
  readonly runner: Runner;
  /** Where the Runner looks for the coordinator. */
  readonly coordinatorUrl: string;
}

/** One installation from this computer: its process, and what the shell does for it. */
export class InstallRun {
  readonly #deps: InstallRunDeps;
  readonly #about: InstallAbout;
  readonly #process: InstallProcess;
  /** Ends what the shell does for it. */
  readonly #abort = new AbortController();
  readonly #begun = Promise.withResolvers<SshInstall>();
  readonly #over: Promise<void>;
  #view: SshInstall | null = null;

  constructor(deps: InstallRunDeps, about: InstallAbout) {
    this.#deps = deps;
    this.#about = about;
    this.#process = deps.startProcess((message) => this.#hear(message));
    this.#over = this.#process.ended.then(() => this.#ended());
    this.#process.say(this.#firstMessage());
  }

  /** What is shown of it; null: it has not begun, or never did. */
  get view(): SshInstall | null {
    return this.#view;
  }

  /** Resolves when it has begun. @throws OutrunnerError why it did not. */
  get begun(): Promise<SshInstall> {
    return this.#begun.promise;
  }

  /** Resolves when its process has ended and nothing of it is left on this computer. */
  get over(): Promise<void> {
    return this.#over;
  }

  say(message: ToInstallProcess): void {
    this.#process.say(message);
  }

  cancel(): void {
    this.#abort.abort(new OutrunnerError('ssh-install-cancelled'));
    this.#process.say({ type: 'cancel' });
  }

  /** Ends it at once: its host cleans up alone. */
  kill(): void {
    this.#abort.abort(new OutrunnerError('ssh-install-cancelled'));
    this.#process.kill();
  }

  #hear(message: FromInstallProcess): void {
    const { caller } = this.#deps;
    const { target, runner, coordinatorUrl } = this.#about;
    switch (message.type) {
      case 'changed':
        this.#show(message.install);
        break;
      case 'refused':
        this.#begun.reject(fromProblem(message.problem));
        this.kill();
        break;
      case 'need-package':
        this.#reply(this.#fetchPackage(message.platform), (answer) => ({ type: 'package', answer }));
        break;
      case 'keep-host-key':
        this.#reply(this.#keepHostKey(message.key), (answer) => ({ type: 'host-key-kept', answer }));
        break;
      case 'need-check-in': {
        const checkedIn = awaitCheckIn(caller, target, runner, coordinatorUrl, this.#abort.signal);
        this.#reply(checkedIn, (answer) => ({ type: 'checked-in', answer }));
        break;
      }
    }
  }

  #firstMessage(): ToInstallProcess {
    const { id, by, asked, runner } = this.#about;
    const about = { id, runner: runner.id, by };
    if (asked.where === 'here') return { type: 'start-here', ...about, request: asked.input };
    const known = this.#deps.hostKeys.find(asked.input.host, asked.input.port);
    return { type: 'start', ...about, request: asked.input, known };
  }

  async #keepHostKey(key: SshHostKey): Promise<null> {
    const { asked, by } = this.#about;
    if (asked.where === 'ssh') await this.#deps.hostKeys.remember(asked.input.host, asked.input.port, key, by);
    return null;
  }

  #show(view: SshInstall): void {
    this.#view = view;
    this.#deps.changed(view);
    this.#begun.resolve(view);
    if (view.endedAt !== null) this.kill();
  }

  /** Answers what the process waits for, with what comes of `work` or with why nothing does. */
  #reply<T>(work: Promise<T>, message: (answer: Answer<T>) => ToInstallProcess): void {
    work.then(
      (value) => this.#process.say(message({ ok: true, value })),
      (error: unknown) => {
        const problem = error instanceof OutrunnerError ? error : new OutrunnerError('internal', { cause: error });
        if (problem !== error)
          this.#deps.report(`ssh-install: ${error instanceof Error ? error.stack : String(error)}`);
        this.#process.say(message({ ok: false, problem: toProblem(problem) }));
      },
    );
  }

  async #ended(): Promise<void> {
    this.#abort.abort(new OutrunnerError('ssh-install-cancelled'));
    if (this.#view === null) {
      this.#begun.reject(
        new OutrunnerError('internal', { detail: 'The process that installs ended before it began.' }),
      );
    } else if (this.#view.endedAt === null) this.#show(brokenOff(this.#view, this.#deps.caller.clock.now()));
    await rm(this.#packagePath, { force: true });
  }

  get #packagePath(): string {
    return join(this.#deps.folder, `${this.#about.id}.package`);
  }

  /** Downloads and checks it, as for a person who saves it; what is not what was signed never reaches a host. */
  async #fetchPackage(platform: PlatformTarget): Promise<StoredPackage> {
    const { caller, trustedKey, folder } = this.#deps;
    const { id, target, runner, asked } = this.#about;
    const { proxy, ca } = asked.input;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { result, path, content } = await downloadPackage(
      {
        caller,
        trustedKey,
        chooseFile: async () => this.#packagePath,
        progress: ({ phase, receivedBytes: done, totalBytes: total }) => {
          if (phase === 'receiving' && total !== null) this.say({ type: 'package-progress', done, total });
        },
      },
      target,
      {
        download: id,
        runner: runner.id,
        platform,
        format: AGENT_TARGET_TABLE[platform].archive,
        ...(proxy === null ? {} : { proxy }),
        ...(ca === null ? {} : { ca }),
      },
      this.#abort.signal,
    );
    if (path === null || content === null) throw new OutrunnerError('ssh-install-cancelled');
    const { size, sha256 } = result;
    const unpackedSize = content.executableSize + BESIDE_EXECUTABLE_BYTES;
    return { path, size, sha256, unpackedSize, folder: packageFolder(content.runnerName) };
  }
}

type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: ReturnType<typeof toProblem> };

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
