import type { Runner } from '../../protocol/api/runners.ts';
import { platformName } from '../ui/platform-name.ts';

export interface ProgressStep {
  readonly id: 'token' | 'download' | 'check-in' | 'healthy';
  /** `now`: this is what is being waited for. */
  readonly state: 'done' | 'now' | 'later' | 'failed';
  readonly text: string;
  /** A time that belongs to it, ISO 8601. */
  readonly at: string | null;
}

/** After this long without a sign of the agent, the things to check are shown. Milliseconds. */
export const HELP_AFTER_MS = 60_000;

/** Where a Runner stands on its way from a token to the green check mark, from what the coordinator has seen. */
export function enrolmentProgress(runner: Runner, now: number): ProgressStep[] {
  const { enrolment } = runner;
  const replica = runner.replicas[0];
  const enrolled = replica !== undefined;
  const steps: ProgressStep[] = [tokenStep(runner, now)];
  const downloaded = enrolled || (enrolment?.downloadedAt ?? null) !== null;
  steps.push({
    id: 'download',
    state: downloaded ? 'done' : 'now',
    text: downloaded ? 'Downloaded' : 'Download the package',
    at: enrolment?.downloadedAt ?? null,
  });
  if (replica) {
    steps.push({
      id: 'check-in',
      state: 'done',
      text: `Enrolled from ${replica.hostname} (${replica.osVersion || platformName(replica.platform)}, agent ${replica.version})`,
      at: replica.enrolledAt,
    });
  } else {
    steps.push({ id: 'check-in', state: downloaded ? 'now' : 'later', text: 'Waiting for first check-in', at: null });
  }
  steps.push(healthStep(runner));
  return steps;
}

function tokenStep({ enrolment, replicas }: Runner, now: number): ProgressStep {
  const step = (state: ProgressStep['state'], text: string, at: string | null = null): ProgressStep => {
    return { id: 'token', state, text, at };
  };
  if (enrolment === null) return step(replicas.length > 0 ? 'done' : 'failed', 'There is no token');
  if (enrolment.state === 'used') return step('done', 'Token used', enrolment.usedAt);
  if (enrolment.state === 'revoked') return step('failed', 'Token revoked: create a new one');
  if (enrolment.state === 'expired' || Date.parse(enrolment.expiresAt) <= now) {
    return step('failed', 'Token expired: create a new one', enrolment.expiresAt);
  }
  return step('done', 'Token valid, expires', enrolment.expiresAt);
}

function healthStep({ status, statusReason, replicas, reconnecting }: Runner): ProgressStep {
  const step = (state: ProgressStep['state'], text: string): ProgressStep => ({ id: 'healthy', state, text, at: null });
  if (replicas.length === 0) return step('later', 'Green check mark');
  const isThere = replicas.some(({ connected }) => connected);
  if (isThere && (status === 'Healthy' || status === 'Busy')) return step('done', `${status}: ready for work`);
  if (status === 'New' || reconnecting) return step('now', 'Enrolled; waiting for its connection');
  return step('failed', `${status}: ${statusReason}`);
}

/** Whether it has been waited long enough without a sign that help is due. `since`: when the waiting began. */
export function needsHelp(runner: Runner, since: number, now: number): boolean {
  return runner.replicas.length === 0 && now - since >= HELP_AFTER_MS;
}
