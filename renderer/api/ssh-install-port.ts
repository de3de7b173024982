import type { z } from 'zod';
import type { NewLocalInstall, NewSshInstall, SshAnswersSchema, SshInstall } from '../../protocol/api/ssh-installs.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { call } from './api-client.ts';

export type SshAnswers = z.input<typeof SshAnswersSchema>;

/** Whoever installs on hosts: the coordinator, or the desktop console's own computer. Both speak the same words. */
export interface SshInstallPort {
  start(runner: string, install: NewSshInstall): Promise<SshInstall>;
  /** Installs on the computer of the port itself, without SSH. */
  startHere(runner: string, install: NewLocalInstall): Promise<SshInstall>;
  /** Those of one Runner, newest first. */
  list(runner: string, signal: AbortSignal): Promise<SshInstall[]>;
  get(id: string, signal: AbortSignal): Promise<SshInstall>;
  answerHostKey(id: string, fingerprint: string, accept: boolean): Promise<unknown>;
  answerQuestions(id: string, answers: SshAnswers): Promise<unknown>;
  cancel(id: string): Promise<void>;
  forgetHostKey(id: string): Promise<void>;
}

/** From where a Runner can be installed over SSH here. */
export interface SshPlaces {
  readonly coordinator: SshInstallPort;
  /** This computer; null in a browser, and where the coordinator is on it, too. */
  readonly console: SshInstallPort | null;
}

/** The one that an installation belongs to. @throws OutrunnerError `not-found` when this page has it no more. */
export function placeOf(places: SshPlaces, { from }: Pick<SshInstall, 'from'>): SshInstallPort {
  const port = places[from];
  if (port === null) throw new OutrunnerError('not-found');
  return port;
}

/** The coordinator, by its API. */
export const coordinatorSshInstalls: SshInstallPort = {
  start: (runner, install) => call('startSshInstall', { params: { id: runner }, body: install }),
  startHere: (runner, install) => call('installHere', { params: { id: runner }, body: install }),
  list: async (runner, signal) => (await call('listSshInstalls', { params: { id: runner } }, { signal })).items,
  get: (id, signal) => call('getSshInstall', { params: { id } }, { signal }),
  answerHostKey: (id, fingerprint, accept) => call('answerHostKey', { params: { id }, body: { fingerprint, accept } }),
  answerQuestions: (id, answers) => call('answerSshQuestions', { params: { id }, body: answers }),
  cancel: (id) => call('cancelSshInstall', { params: { id } }),
  forgetHostKey: (id) => call('forgetHostKey', { params: { id } }),
};
