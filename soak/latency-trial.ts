import path from 'node:path';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import { delayingLink } from './delaying-link.ts';
import { markedProcesses } from './marked-processes.ts';
import type { Trial } from './report.ts';
import { eventually, Findings, outputOf, runCommand, stageAgent, untilEnded } from './stage.ts';

const DELAY_MS = 300;
const LINES = 400_000;
/** A stop needs one way there and one back; the rest is the machine. */
const STOP_WITHIN_MS = 3_000;

/** Every byte takes 300 ms in each direction: 600 ms for a round trip. */
export const latencyTrial: Trial = {
  name: 'latency',
  what: '300 ms in each direction: start, output and stop work (about 10 s)',
  async run({ work, executable }) {
    const findings = new Findings();
    const coordinator = await startCoordinator({ dataDir: path.join(work, 'coordinator') });
    const { api } = coordinator;
    const link = await delayingLink(Number(new URL(coordinator.url).port), DELAY_MS);
    const agent = await stageAgent(coordinator, path.join(work, 'agent'), {
      way: { url: `http://127.0.0.1:${link.port}` },
      ...(executable === undefined ? {} : { executable }),
    });
    const begun = Date.now();
    const loud = await runCommand(api, `seq -f 'line %06.0f' 1 ${LINES}`);
    const sleeper = await runCommand(api, 'echo here; exec sleep 300');
    await eventually('the sleeper runs', 10_000, () =>
      markedProcesses().some(({ operation }) => operation === sleeper.operation.id) ? true : undefined,
    );
    const asked = Date.now();
    await api.call('cancelExecution', { params: { id: sleeper.id }, body: {} });
    const stopped = await untilEnded(api, sleeper.id, STOP_WITHIN_MS + 2 * DELAY_MS);
    findings.figure('stop asked → reported, s', ((Date.now() - asked) / 1000).toFixed(1));
    findings.promise(stopped.state === 'aborted', `The stopped one is ${stopped.state}.`);
    const ended = await untilEnded(api, loud.id, 60_000);
    findings.figure('output, MB', ((LINES * 12) / 1e6).toFixed(1));
    findings.figure('until it had ended, s', ((Date.now() - begun) / 1000).toFixed(1));
    findings.promise(ended.state === 'succeeded', `It is ${ended.state}: ${ended.reason}`);
    const expected = Array.from({ length: LINES }, (_, n) => `line ${String(n + 1).padStart(6, '0')}\n`).join('');
    findings.promise((await outputOf(api, loud.id)).toString() === expected, 'The output is not what was printed.');
    findings.promise(link.carried.there > LINES * 12, 'The output did not go over the slow way.');
    const { roundTripMs } = (await api.call('getRunner', { params: { id: agent.runner.id } })).replicas[0] ?? {};
    findings.figure('round trip as it is shown, ms', roundTripMs ?? 'none');
    await agent.program.stop('SIGTERM');
    link.close();
    await coordinator.stop();
    return findings.report;
  },
};
