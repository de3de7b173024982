import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import { peakMemory } from './marked-processes.ts';
import type { Trial } from './report.ts';
import { eventually, Findings, readSoFar, runCommand, stageAgent, untilEnded } from './stage.ts';

const SUBMITTERS = 50;

/** Far more is asked for than the Runner can do at once. */
export const queueTrial: Trial = {
  name: 'queue',
  what: 'ten times --executions (10,000) wait for a Runner that does one at once: each runs once, in order, and ends (minutes)',
  async run({ work, executable, executions, say }) {
    const findings = new Findings();
    const count = executions * 10;
    const coordinator = await startCoordinator({
      dataDir: path.join(work, 'coordinator'),
      args: ['--log-level', 'warn'],
    });
    const { api } = coordinator;
    const agent = await stageAgent(coordinator, path.join(work, 'agent'), {
      runner: { maxOperations: 1 },
      ...(executable === undefined ? {} : { executable }),
    });
    const [file, go] = [path.join(work, 'order'), path.join(work, 'go')];
    // Until everything is in the queue, nothing passes.
    const blocker = await runCommand(api, `until [ -e ${go} ]; do sleep 0.1; done`);
    const begun = Date.now();
    const numbers = new Map<number, string>();
    let next = 0;
    const submit = async () => {
      while (next < count) {
        next += 1;
        const { id, number } = await runCommand(api, `echo $RD_JOB_EXECID >> ${file}`);
        numbers.set(number, id);
      }
    };
    await Promise.all(Array.from({ length: SUBMITTERS }, submit));
    findings.figure('submitted', count);
    findings.figure('submitting, s', ((Date.now() - begun) / 1000).toFixed(1));
    say('all submitted');
    const opened = Date.now();
    await writeFile(go, '');
    await eventually('all have run', 20 * 60_000, async () => {
      const { items } = await api.call('listExecutions', { query: { state: 'active', limit: 1 } });
      return items.length === 0 ? true : undefined;
    });
    const seconds = (Date.now() - opened) / 1000;
    findings.figure('running all, s', seconds.toFixed(1));
    findings.figure('per second', (count / seconds).toFixed(0));
    const expected = [...numbers].toSorted(([a], [b]) => a - b).map(([, id]) => id);
    const ran = (await readSoFar(file)).trimEnd().split('\n');
    findings.promise(ran.length === count, `${ran.length} of ${count} ran.`);
    const wrong = expected.findIndex((id, n) => ran[n] !== id);
    findings.promise(wrong < 0, `Number ${wrong} is out of order: ${ran[wrong]} instead of ${expected[wrong]}.`);
    findings.promise(
      (await untilEnded(api, blocker.id, 1_000)).state === 'succeeded',
      'The first one did not succeed.',
    );
    const { total } = await api.call('listExecutions', { query: { state: 'succeeded', limit: 1 } });
    findings.promise(total === count + 1, `${total} of ${count + 1} succeeded.`);
    findings.figure('most memory of the coordinator, MB', peakMemory(coordinator.pid));
    await agent.program.stop('SIGTERM');
    await coordinator.stop();
    return findings.report;
  },
};
