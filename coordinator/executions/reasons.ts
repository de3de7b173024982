import type { Outcome } from '../../protocol/execution-state.ts';
import { stepLabel } from '../../protocol/operation.ts';
import type { ExecutionRecord, StepRow, Survivor } from './execution-record.ts';

/** Sentences for people: why an execution is in the state that it is in. */

export function outcomeReason(record: ExecutionRecord, outcome: Outcome, said: string): string {
  switch (outcome) {
    case 'succeeded':
      return '';
    case 'timedout':
      return record.workflow.timeoutSeconds > 0
        ? `It was stopped at its time limit of ${record.workflow.timeoutSeconds} seconds.`
        : said || 'It was stopped at its time limit.';
    case 'aborted':
      return record.row.cancel_asked_at === null
        ? said || 'It was stopped on the Runner.'
        : (record.row.cancel_reason ?? '');
    case 'failed':
      return failedReason(record) || said || 'The Runner reports that it failed.';
  }
}

function failedReason(record: ExecutionRecord): string {
  const failed = record.steps.filter((step) => step.state === 'failed' || step.state === 'timedout');
  const [first] = failed;
  if (first === undefined) return '';
  const more = failed.length > 1 ? ` ${failed.length - 1} more failed.` : '';
  return `${stepName(first)} ${stepEnd(first)}${more}`;
}

function stepName(step: StepRow): string {
  return `Step ${step.position + 1}${step.label === '' ? '' : ` “${step.label}”`}`;
}

function stepEnd(step: StepRow): string {
  const detail = step.detail === '' ? '' : ` (${withoutFullStop(step.detail)})`;
  switch (step.reason) {
    case 'NonZeroResultCode':
      return `ended with exit code ${step.exit_code ?? 'unknown'}.`;
    case 'signalled':
      return `was ended by the signal ${step.signal ?? 'unknown'}.`;
    case 'timeout':
      return 'ran into the time limit.';
    case 'interpreter-missing':
      return `could not start: its interpreter is missing on the host${detail}.`;
    case 'agent-restarted':
      return 'was cut off: the agent restarted while it ran.';
    case 'agent-stopped':
      return 'was stopped because the agent was stopped on its host.';
    case 'output-limit':
      return 'was stopped because it printed more than its limit allows.';
    case 'IOFailure':
      return `could not read or write on the host${detail}.`;
    default:
      return step.exit_code === null ? `failed${detail}.` : `ended with exit code ${step.exit_code}${detail}.`;
  }
}

/** Who asked to stop it, and why. */
export function cancelSentence(by: string, reason: string): string {
  return reason === '' ? `${by} asked to stop it.` : `${by} asked to stop it: ${withFullStop(reason)}`;
}

/** Processes that outlived the stop: "stopped" and "could not stop" are different truths. */
export function withSurvivors(reason: string, survivors: readonly Survivor[]): string {
  if (survivors.length === 0) return reason;
  const shown = survivors.slice(0, 5).map((one) => `${one.pid} (${one.command.slice(0, 80)})`);
  const more = survivors.length > 5 ? ` and ${survivors.length - 5} more` : '';
  return `${reason === '' ? '' : `${reason} `}Could not stop: ${shown.join(', ')}${more}.`;
}

/** The rules that kept an execution waiting, in one sentence for each of the first Runners. */
export function waitedReason(seconds: number, failures: readonly { name: string; detail: string }[]): string {
  const waited = `No Runner could take it within ${duration(seconds)}.`;
  if (failures.length === 0) return `${waited} No Runner is assigned to the project.`;
  const shown = failures.slice(0, 3).map((one) => `${one.name}: ${withFullStop(one.detail)}`);
  const more = failures.length > 3 ? ` (${failures.length - 3} more Runners)` : '';
  return `${waited} ${shown.join(' ')}${more}`;
}

export function duration(seconds: number): string {
  if (seconds < 120) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`;
  return `${Math.round(seconds / 3_600)} hours`;
}

/** What an execution is called: its job, or the first line of what is run. */
export function titleOf(step: Parameters<typeof stepLabel>[0]): string {
  return stepLabel(step) || 'Command';
}

function withFullStop(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function withoutFullStop(text: string): string {
  return text.endsWith('.') ? text.slice(0, -1) : text;
}
