import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { capture, whyNoNamespaces } from '../e2e/support/namespaces.ts';
import { betweenHosts, coordinatorOn } from './in-namespaces.ts';
import { markedProcesses } from './marked-processes.ts';
import type { Trial } from './report.ts';
import { eventually, Findings, outputOf, runCommand, stageAgent, untilEnded } from './stage.ts';

const LINES = 24_000;
/** From asking for a stop to the end of the process, while the link is full. */
const STOP_WITHIN_MS = 5_000;
/** From asking to the end as a caller sees it: it waits behind what is on its way. */
const TOLD_WITHIN_MS = 30_000;

/** 64 kbit/s in both directions, and a step that prints more than that takes in half a minute. */
export const slowLinkTrial: Trial = {
  name: 'slow-link',
  what: '64 kbit/s: the session lives, a stop arrives, the log is complete (about 50 s)',
  inNamespaces: true,
  whyNot: whyNoNamespaces,
  run: betweenHosts(async ({ work, executable, say }, hosts) => {
    const findings = new Findings();
    const coordinator = await coordinatorOn(hosts, work);
    const { api } = coordinator;
    const agent = await stageAgent(coordinator, path.join(work, 'agent'), {
      way: { ca: await readFile(hosts.ca, 'utf8') },
      wrap: hosts.onAgent,
      ...(executable === undefined ? {} : { executable }),
    });
    for (const [host, device] of [
      [hosts.onAgent, hosts.agentDevice],
      [hosts.onCoordinator, hosts.coordinatorDevice],
    ] as const) {
      const bucket = ['tbf', 'rate', '64kbit', 'burst', '3000', 'latency', '400ms'];
      await capture([...host, 'tc', 'qdisc', 'add', 'dev', device, 'root', ...bucket]);
    }
    const connected = async () => (await api.call('getRunner', { params: { id: agent.runner.id } })).replicas[0];
    const since = await eventually(
      'the session is shown',
      5_000,
      async () => (await connected())?.connectedSince ?? undefined,
    );
    const sleeper = await runCommand(api, 'echo here; exec sleep 300');
    await eventually('the sleeper runs', 20_000, async () =>
      markedProcesses().some(({ operation }) => operation === sleeper.operation.id) ? true : undefined,
    );
    const begun = Date.now();
    const loud = await runCommand(api, `seq -f 'line %05.0f' 1 ${LINES}`);
    await eventually('some of the output is there', 30_000, async () => {
      const { output } = await api.call('getExecution', { params: { id: loud.id } });
      return output.bytes > 30_000 ? true : undefined;
    });
    say('the link is full; stopping the other one');
    const asked = Date.now();
    await api.call('cancelExecution', { params: { id: sleeper.id }, body: {} });
    await eventually('the sleeper is gone', STOP_WITHIN_MS, () =>
      markedProcesses().some(({ operation }) => operation === sleeper.operation.id) ? undefined : true,
    );
    findings.figure('stop asked → process gone, s', ((Date.now() - asked) / 1000).toFixed(1));
    const stopped = await untilEnded(api, sleeper.id, TOLD_WITHIN_MS);
    findings.figure('stop asked → reported, s', ((Date.now() - asked) / 1000).toFixed(1));
    findings.promise(stopped.state === 'aborted', `The stopped one is ${stopped.state}.`);
    const seen = new Set<string>();
    const ended = await eventually('all of it has arrived', 120_000, async () => {
      const runner = await api.call('getRunner', { params: { id: agent.runner.id } });
      seen.add(runner.status);
      const execution = await api.call('getExecution', { params: { id: loud.id } });
      return execution.endedAt === null ? undefined : execution;
    });
    const seconds = (Date.now() - begun) / 1000;
    findings.figure('output, KB', Math.round((LINES * 11) / 1000));
    findings.figure('until all of it was stored, s', seconds.toFixed(1));
    findings.figure('of the link, %', Math.round((LINES * 11 * 100) / 8000 / seconds));
    findings.promise(ended.state === 'succeeded', `It is ${ended.state}: ${ended.reason}`);
    findings.promise(seen.size === 1 && seen.has('Healthy'), `The Runner was ${[...seen].join(', ')} meanwhile.`);
    const until = (await connected())?.connectedSince;
    const lost = `The session was lost and opened again: ${since} → ${until}.\n${agent.program.output()}`;
    findings.promise(until === since, lost);
    const expected = Array.from({ length: LINES }, (_, n) => `line ${String(n + 1).padStart(5, '0')}\n`).join('');
    findings.promise((await outputOf(api, loud.id)).toString() === expected, 'The output is not what was printed.');
    await agent.program.stop('SIGTERM');
    await coordinator.stop();
    return findings.report;
  }),
};
