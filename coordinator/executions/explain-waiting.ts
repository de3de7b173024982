import type { Waiting } from '../../protocol/api/executions.ts';
import { type CandidateRunner, firstFailedRule, type SelectionRule } from '../../protocol/selection.ts';
import { isoTime } from '../store/stored-forms.ts';
import type { CandidateView } from './candidates.ts';
import type { ExecutionRecord } from './execution-record.ts';

const RULE_WORDS: Readonly<Record<SelectionRule, string>> = {
  project: 'not assigned to this project',
  tags: 'without the tags',
  mode: 'paused or draining',
  'never-connected': 'never connected',
  status: 'not healthy',
  connection: 'reconnecting',
  protocol: 'too old',
  stopping: 'taking no new work',
  refused: 'refusing work just now',
  capacity: 'full',
};

/** Why an execution waits: each Runner with the first rule that it failed, by the same function that chooses. */
export function explainWaiting(
  record: ExecutionRecord,
  view: CandidateView,
  ahead: number | null,
  now: number,
): Waiting {
  const { operation, row } = record;
  const common = { since: isoTime(row.created_at), deadline: isoTime(row.queue_deadline) };
  if (record.ended || row.state !== 'queued') {
    const summary = 'It is not waiting.';
    return { waiting: false, since: null, deadline: null, ahead: null, summary, runners: [] };
  }
  if (operation.state !== 'pending') {
    const runner = { id: row.runner_id ?? '', name: row.runner_name ?? '' };
    const isTaken = operation.state === 'accepted';
    const summary = isTaken
      ? `${runner.name} has accepted it and starts it when a slot there is free.`
      : `It was sent to ${runner.name}, which has not accepted it yet.`;
    const detail = isTaken ? 'It waits there for its turn.' : 'It was sent there and is about to be accepted.';
    // Only a Runner that takes it may be waited for without an end: its deadline was about being taken.
    const deadline = isTaken ? null : common.deadline;
    return { waiting: true, ...common, deadline, ahead: null, summary, runners: [{ runner, rule: null, detail }] };
  }
  const all = view.all(row.project_id, now);
  const runners = all.map((runner) => {
    const failed = firstFailedRule(runner, record.tags);
    return {
      runner: { id: runner.runnerId, name: runner.name },
      rule: failed?.rule ?? null,
      detail: failed?.detail ?? 'It can take work now.',
    };
  });
  return { waiting: true, ...common, ahead, summary: summaryOf(all, record.tags, ahead ?? 0), runners };
}

function summaryOf(all: readonly CandidateRunner[], tags: readonly string[], ahead: number): string {
  const assigned = all.filter((runner) => runner.assignedToProject);
  if (assigned.length === 0) return 'No Runner is assigned to this project.';
  const failures = assigned.map((runner) => firstFailedRule(runner, tags));
  if (failures.some((failure) => failure === null)) {
    return ahead === 0 ? 'A Runner is free; it starts in a moment.' : `A Runner is free; ${ahead} go before it.`;
  }
  const [only] = failures;
  if (assigned.length === 1 && only) return `The only Runner of this project cannot take it. ${only.detail}`;
  const counts = new Map<SelectionRule, number>();
  for (const failure of failures) if (failure) counts.set(failure.rule, (counts.get(failure.rule) ?? 0) + 1);
  const parts = [...counts].map(([rule, count]) => `${count} ${RULE_WORDS[rule]}`);
  return `None of the ${assigned.length} Runners of this project can take it now: ${parts.join(', ')}.`;
}
