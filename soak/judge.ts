import type { Execution, ExecutionStep } from '../protocol/api/executions.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { decodeJournal, FinishedPayloadSchema, type JournalRecord, readPayload } from '../protocol/journal.ts';
import type { Outage } from './fleet.ts';
import { type ExpectedStep, expectedSteps, type Task } from './workload.ts';

/** What is known of one task when the trial is over. */
export interface Evidence {
  readonly task: Task;
  readonly execution: Execution;
  /** The journal as the API gives it. */
  readonly journal: Uint8Array;
  /** What its steps wrote into the file of runs, in order: `begin t1.0`. */
  readonly runs: readonly string[];
  /** Times in which the agent that had it was dead. */
  readonly outages: readonly Outage[];
  /** The stop was asked for and accepted. */
  readonly cancelled: boolean;
}

/** Moments as the agent and this program saw them may differ by this much. */
const SLACK_MS = 2_000;

/**
 * What is wrong with one execution; empty when it ended as it may. The table of right ends:
 *
 * | what happened | right state | its steps |
 * |---|---|---|
 * | nothing to it, or its coordinator was killed | the one that its steps lead to | all exact; after a failed one none ran |
 * | its agent was killed or stopped while it ran | the same, or `failed`: one step `agent-restarted` or `agent-stopped` | before it exact, it a prefix, after it none ran |
 * | its stop was asked for | one of the above, or `aborted` | before the stopped one exact, it a prefix, after it none ran |
 *
 * Never `lost`, never `timedout`, never two runs of a step, never `succeeded` without the last line of each step.
 */
export function judge(evidence: Evidence): string[] {
  const { execution, task } = evidence;
  const wrong: string[] = [];
  const steps = expectedSteps(task);
  if (!isTerminal(execution.state)) return [`it has not ended: ${execution.state}`];
  if (execution.survivors.length > 0) wrong.push(`processes outlived it: ${JSON.stringify(execution.survivors)}`);
  wrong.push(...wrongRuns(evidence, steps));
  const { records, fault } = decodeJournal(evidence.journal);
  // Nothing was given to an agent: there is nothing to tell of it.
  if (records.length === 0 && fault === null) {
    const isUnstarted = evidence.cancelled && execution.state === 'aborted' && evidence.runs.length === 0;
    return isUnstarted ? wrong : [...wrong, `its journal is empty and it is ${execution.state}`];
  }
  if (!execution.output.complete) wrong.push('its output is not complete');
  if (fault !== null) wrong.push(`its journal is ${fault} after record ${records.length - 1}`);
  wrong.push(...wrongFrame(records, execution.state));
  wrong.push(...wrongState(evidence, steps));
  for (const [index, step] of steps.entries()) wrong.push(...wrongStep(evidence, step, index, records));
  return wrong;
}

function wrongRuns({ runs }: Evidence, steps: readonly ExpectedStep[]): string[] {
  const known = new Set(steps.flatMap(({ name }) => [`begin ${name}`, `end ${name}`]));
  return [
    ...runs.filter((line, at) => runs.indexOf(line) !== at).map((line) => `it ran twice: “${line}”`),
    ...runs.filter((line) => !known.has(line)).map((line) => `a line that no step of it writes: “${line}”`),
  ];
}

function wrongFrame(records: readonly JournalRecord[], state: string): string[] {
  const wrong: string[] = [];
  const kinds = records.map(({ kind }) => kind);
  const last = records.at(-1);
  // An agent that died before its first record ends the operation without having begun it.
  if (kinds[0] !== 'started' && kinds.includes('step-started')) wrong.push('its journal does not begin with “started”');
  if (kinds.filter((kind) => kind === 'started').length > 1) wrong.push('it was started twice');
  if (kinds.filter((kind) => kind === 'finished').length !== 1 || last?.kind !== 'finished')
    wrong.push(`“finished” is not the one last record: ${kinds.filter((kind) => kind !== 'output').join(' ')}`);
  else if (readPayload(FinishedPayloadSchema, last).outcome !== state)
    wrong.push(`its journal ends as ${readPayload(FinishedPayloadSchema, last).outcome}, its state is ${state}`);
  return wrong;
}

function wrongState({ execution, cancelled, outages, runs }: Evidence, steps: readonly ExpectedStep[]): string[] {
  const failing = steps.findIndex(({ exitCode }) => exitCode !== 0);
  const own = failing < 0 ? 'succeeded' : 'failed';
  const cut = execution.steps.find(isCut);
  const wrong: string[] = [];
  if (execution.state === 'aborted') {
    if (!cancelled) wrong.push('it was aborted and nobody asked for that');
    if (cut !== undefined) wrong.push('it was aborted and cut off');
  } else if (cut !== undefined) {
    if (execution.state !== 'failed') wrong.push(`it was cut off and is ${execution.state}`);
    if (!outages.some((outage) => overlaps(outage, execution))) wrong.push('it was cut off and its agent never died');
  } else if (execution.state !== own) {
    wrong.push(`it should have ${own}, and is ${execution.state}: ${execution.reason}`);
  }
  if (execution.state === 'succeeded') {
    for (const { name } of steps)
      if (!runs.includes(`end ${name}`)) wrong.push(`it succeeded and ${name} has not run to its end`);
  }
  return wrong;
}

/** A step that the end of its agent ended. */
export function isCut({ reason }: Pick<ExecutionStep, 'reason'>): boolean {
  return reason === 'agent-restarted' || reason === 'agent-stopped';
}

function overlaps(outage: Outage, { createdAt, endedAt }: Execution): boolean {
  return outage.to >= Date.parse(createdAt) - SLACK_MS && outage.from <= Date.parse(endedAt ?? createdAt) + SLACK_MS;
}

function wrongStep(
  { execution, runs }: Evidence,
  expected: ExpectedStep,
  index: number,
  records: readonly JournalRecord[],
): string[] {
  const shown = execution.steps[index];
  if (shown === undefined) return [`${expected.name} is not shown`];
  const stdout = printed(records, index, 'stdout');
  const stderr = printed(records, index, 'stderr');
  const wrong: string[] = [];
  const say = (what: string) => wrong.push(`${expected.name} (${shown.state}, ${shown.reason}): ${what}`);
  switch (shown.reason) {
    case 'completed':
    case 'NonZeroResultCode':
      if (shown.exitCode !== expected.exitCode) say(`exit code ${shown.exitCode} instead of ${expected.exitCode}`);
      if (!runs.includes(`end ${expected.name}`)) say('it has not run to its end');
      if (!stdout.equals(expected.stdout)) say(`stdout is not what it printed: ${difference(stdout, expected.stdout)}`);
      if (!stderr.equals(expected.stderr)) say(`stderr is not what it printed: ${difference(stderr, expected.stderr)}`);
      break;
    case 'skipped':
      if (runs.some((line) => line.endsWith(` ${expected.name}`))) say('it ran');
      if (stdout.length + stderr.length > 0) say('it has output');
      break;
    case 'agent-restarted':
    case 'agent-stopped':
    case 'cancelled':
      if (!isPrefix(stdout, expected.stdout)) say(`stdout: ${difference(stdout, expected.stdout)}`);
      if (!isPrefix(stderr, expected.stderr)) say(`stderr: ${difference(stderr, expected.stderr)}`);
      break;
    default:
      say('it must not end like this');
  }
  return wrong;
}

function printed(records: readonly JournalRecord[], step: number, stream: 'stdout' | 'stderr'): Buffer {
  return Buffer.concat(
    records
      .filter((record) => record.kind === 'output' && record.step === step && record.stream === stream)
      .map(({ payload }) => payload),
  );
}

function isPrefix(part: Buffer, whole: Buffer): boolean {
  return part.equals(whole.subarray(0, part.length));
}

function difference(found: Buffer, expected: Buffer): string {
  let at = 0;
  while (at < found.length && found[at] === expected[at]) at++;
  const near = (bytes: Buffer) => JSON.stringify(bytes.subarray(Math.max(0, at - 20), at + 40).toString('latin1'));
  return `${found.length} of ${expected.length} bytes, different from byte ${at}: ${near(found)} instead of ${near(expected)}`;
}
