import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ApiClient } from '../bench/harness/api-client.ts';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import { startProgram } from '../bench/harness/process.ts';
import { forgetPeak } from '../bench/harness/process-usage.ts';
import { MarkPayloadSchema, readPayload } from '../protocol/journal.ts';
import { markedProcesses, peakMemory } from './marked-processes.ts';
import type { Report, Trial, TrialOptions } from './report.ts';
import {
  eventually,
  Findings,
  outputOf,
  recordsOf,
  runCommand,
  type StagedAgent,
  stageAgent,
  untilEnded,
} from './stage.ts';

/** Neither program ever has more than this, however much is printed. */
const MOST_MEMORY_MB = 150;

interface Stage {
  readonly options: TrialOptions;
  readonly coordinator: CoordinatorProcess;
  readonly api: ApiClient;
  readonly agent: StagedAgent;
  readonly findings: Findings;
}

/** One coordinator and one agent around `tried`. */
function withOneAgent(tried: (stage: Stage) => Promise<void>): (options: TrialOptions) => Promise<Report> {
  return async (options) => {
    const { work, executable } = options;
    const coordinator = await startCoordinator({ dataDir: path.join(work, 'coordinator') });
    const agent = await stageAgent(
      coordinator,
      path.join(work, 'agent'),
      executable === undefined ? {} : { executable },
    );
    const findings = new Findings();
    // A first start takes 128 MB for a moment, on purpose, for the hash of a password.
    await coordinator.passwordMade();
    forgetPeak(coordinator.pid);
    await tried({ options, coordinator, api: coordinator.api, agent, findings });
    await agent.program.stop('SIGTERM');
    await coordinator.stop();
    return findings.report;
  };
}

/** Runs a command that prints a lot, and compares the hash of what is stored with that of what the same command prints here. */
async function compare({ api, coordinator, agent, findings }: Stage, command: string, minutes: number): Promise<void> {
  const begun = Date.now();
  const { id } = await runCommand(api, command);
  const ended = await untilEnded(api, id, minutes * 60_000);
  const seconds = (Date.now() - begun) / 1000;
  findings.promise(ended.state === 'succeeded' && ended.output.complete, `It is ${ended.state}: ${ended.reason}`);
  const memory = () => [peakMemory(coordinator.pid), peakMemory(agent.program.child.pid ?? 0)] as const;
  const whilePrinted = memory();
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const { kind, payload } of recordsOf(api, id)) {
    if (kind !== 'output') continue;
    hash.update(payload);
    bytes += payload.length;
  }
  const same = startProgram('sh', ['-c', `(${command}) | sha256sum`]);
  const expected = (await same.line(/^([0-9a-f]{64}) /))[1];
  findings.promise(hash.digest('hex') === expected, `The output is not what was printed: ${bytes} bytes.`);
  findings.figure('output, MB', Math.round(bytes / 1e6));
  findings.figure('until it had ended, s', seconds.toFixed(1));
  findings.figure('most memory of coordinator / agent, MB', whilePrinted.join(' / '));
  findings.figure('the same after all of it was read back, MB', memory().join(' / '));
  findings.promise(Math.max(...memory()) <= MOST_MEMORY_MB, `Memory grew: ${memory().join(' / ')} MB.`);
}

export const bigOutputTrial: Trial = {
  name: 'big-output',
  what: '1 GB of output of one step: exact, and the memory of both stays small (about a minute)',
  run: withOneAgent((stage) => compare(stage, 'seq 1 111600000', 10)),
};

export const longLineTrial: Trial = {
  name: 'long-line',
  what: 'one line of 100 MB (about 10 s)',
  run: withOneAgent((stage) => compare(stage, "seq -s ' ' 1 12400000 | tr -d '\\n'", 3)),
};

/** Bytes that are no text, a step that never reads its input, and a child that keeps the output open. */
export const oddStepsTrial: Trial = {
  name: 'odd-steps',
  what: 'bytes that are no text, input that is never read, a child that keeps the output open (about 5 s)',
  run: withOneAgent(async ({ api, options, findings }) => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, n) => (n * 7 + (n >> 8)) & 0xff));
    const file = path.join(options.work, 'bytes');
    await writeFile(file, bytes);
    const raw = await runCommand(api, `cat ${file}; cat ${file} >&2`);
    findings.promise(
      (await untilEnded(api, raw.id, 20_000)).state === 'succeeded',
      'Bytes that are no text failed it.',
    );
    for (const stream of ['stdout', 'stderr'] as const)
      findings.promise((await outputOf(api, raw.id, stream)).equals(bytes), `${stream} is not what was printed.`);
    const shown = await api.fetch(`/api/v1/executions/${raw.id}/output?format=ndjson`);
    const lines = (await shown.text()).trimEnd().split('\n');
    findings.promise(shown.ok && lines.every((line) => isJson(line)), 'What viewers get is not JSON.');
    findings.figure('bytes that are no text', `${bytes.length} on each stream, exact`);

    // Its input is at its end from the start: who reads it goes on, who does not is not waited for.
    const reads = await runCommand(api, 'cat; read answer || echo "no input"; sleep 0.2');
    findings.promise((await untilEnded(api, reads.id, 20_000)).state === 'succeeded', 'A step that reads input hangs.');
    findings.promise((await outputOf(api, reads.id)).toString() === 'no input\n', 'It found input.');

    const late = path.join(options.work, 'late');
    const begun = Date.now();
    const keeps = await runCommand(api, `(sleep 6; echo late; touch ${late}) & echo main`);
    const ended = await untilEnded(api, keeps.id, 5_500);
    findings.figure('main process over → step over, s', ((Date.now() - begun) / 1000).toFixed(1));
    findings.promise(ended.state === 'succeeded' && !existsSync(late), `It waited for its child: ${ended.state}.`);
    findings.promise((await outputOf(api, keeps.id)).toString() === 'main\n', 'The output is wrong.');
    const marks: string[] = [];
    for await (const record of recordsOf(api, keeps.id))
      if (record.kind === 'mark') marks.push(readPayload(MarkPayloadSchema, record).mark);
    findings.promise(marks.join() === 'output-cut', `The log does not say that it was cut: ${marks.join()}`);
    await eventually('the child is over', 10_000, () =>
      markedProcesses().some(({ operation }) => operation === keeps.operation.id) ? undefined : true,
    );
  }),
};

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false; // That is the question.
  }
}
