import { createReadStream } from 'node:fs';
import type { z } from 'zod';
import type { Clock } from '../../protocol/clock.ts';
import { fromProblem, OutrunnerError, type Problem, toProblem } from '../../protocol/problems.ts';
import {
  type FromInstallProcess,
  type StoredPackage,
  ToInstallProcessSchema,
} from '../../protocol/ssh-install-process.ts';
import type { ParentChannel } from '../process/parent-channel.ts';
import type { PackageSource } from './install-ports.ts';
import { type Installation, onThisComputer, overSsh } from './installation.ts';
import type { ThisComputer } from './this-computer.ts';
import { WatchedInstall } from './watched-install.ts';

export interface InstallProcessDeps {
  readonly clock: Clock;
  /** Where the SSH agent of this process listens. */
  readonly agentSocket: string | null;
  /** The computer of this process. */
  readonly here: ThisComputer;
  /** Hears of errors that nobody foresaw. */
  report(error: unknown): void;
}

type Heard = z.output<typeof ToInstallProcessSchema>;
type Start = Extract<Heard, { type: 'start' | 'start-here' }>;
type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

/**
 * One installation, over SSH or on this computer, for a desktop shell that has the coordinator, the package and the person:
 * `protocol/ssh-install-process.ts` is what they say to each other. Resolves when it has ended; a shell that is gone ends it.
 */
export async function installForShell(parent: ParentChannel, deps: InstallProcessDeps): Promise<void> {
  const { clock } = deps;
  const say = (message: FromInstallProcess) => parent.send(message);
  const begun = Promise.withResolvers<Start | null>();
  const packages = new Asked<StoredPackage>();
  const kept = new Asked<null>();
  const checkIns = new Asked<string>();
  let install: WatchedInstall | null = null;
  let progress: (done: number, total: number) => void = () => undefined;
  const cancelled = new AbortController();
  const cancel = () => {
    begun.resolve(null);
    cancelled.abort(new OutrunnerError('ssh-install-cancelled'));
    install?.cancel();
  };
  parent.onGone(cancel);
  const hear = (message: Heard) => {
    switch (message.type) {
      case 'start':
      case 'start-here':
        return begun.resolve(message);
      case 'package-progress':
        return progress(message.done, message.total);
      case 'package':
        return packages.answer(message.answer);
      case 'host-key-kept':
        return kept.answer(message.answer);
      case 'checked-in':
        return checkIns.answer(message.answer);
      case 'answer-host-key':
        return void install?.answerHostKey(message.fingerprint, message.accept);
      case 'answer-questions':
        return void install?.answerQuestions(message.answers);
      case 'cancel':
        return cancel();
    }
  };
  parent.onMessage((raw) => {
    try {
      hear(ToInstallProcessSchema.parse(raw));
    } catch (error) {
      // An answer that came too late is nobody's fault; the shell has looked before it sent it.
      if (!(error instanceof OutrunnerError)) throw error;
    }
  });
  const start = await begun.promise;
  if (start === null) return;
  const { id, runner, by } = start;
  const isSsh = start.type === 'start';
  try {
    const { what, run } = await installationOf(start, deps);
    // Nobody could end it before now: what was said meanwhile counts.
    cancelled.signal.throwIfAborted();
    install = new WatchedInstall({ id, runner, from: 'console', by, ...what }, clock, (now) =>
      say({ type: 'changed', install: now }),
    );
    say({ type: 'changed', install: install.view });
    install.run(
      run,
      {
        knownHostKey: async () => (isSsh ? start.known : null),
        rememberHostKey: async (key) => void (await kept.ask(() => say({ type: 'keep-host-key', key }))),
        packageFor: async (platform, tell) => {
          progress = tell;
          return sourceOf(await packages.ask(() => say({ type: 'need-package', platform })));
        },
        checkedIn: () => checkIns.ask(() => say({ type: 'need-check-in' })),
      },
      isSsh ? start.request.hostKey : null,
      deps.report,
    );
  } catch (error) {
    if (!(error instanceof OutrunnerError)) throw error;
    say({ type: 'refused', problem: toProblem(error) });
    return;
  }
  await install.over;
}

async function installationOf(start: Start, { agentSocket, here }: InstallProcessDeps): Promise<Installation> {
  if (start.type === 'start-here') return onThisComputer(start.request, here);
  return overSsh(start.request, agentSocket);
}

/** Something that the shell is asked for, once. */
class Asked<T> {
  readonly #answer = Promise.withResolvers<T>();

  ask(send: () => void): Promise<T> {
    send();
    return this.#answer.promise;
  }

  answer(answer: Answer<T>): void {
    // Nobody waits for it any more when the installation was ended meanwhile.
    this.#answer.promise.catch(() => undefined);
    if (answer.ok) this.#answer.resolve(answer.value);
    else this.#answer.reject(fromProblem(answer.problem));
  }
}

function sourceOf({ path, ...source }: StoredPackage): PackageSource {
  return { ...source, open: () => createReadStream(path) as AsyncIterable<Buffer> };
}
