import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { capture, feed, whyNoNamespaces } from '../e2e/support/namespaces.ts';
import { UNKNOWN_AFTER_MS } from '../protocol/status.ts';
import { betweenHosts, coordinatorOn } from './in-namespaces.ts';
import type { Trial } from './report.ts';
import { eventually, Findings, outputOf, readSoFar, runCommand, stageAgent, untilEnded, untilStatus } from './stage.ts';

/** On both hosts: every packet that comes over the cable vanishes. Nothing is closed and no sender is told. */
const NOTHING_ARRIVES = `
table inet cut {
  chain in { type filter hook input priority -10; policy drop; iif lo accept; }
}`;
/** A beat may be missing when the cut begins, and the status is looked at now and then. */
const SLACK_MS = 7_000;
/** From the mended cable to Healthy: a try that hangs in the cut, then the longest wait before the next. */
const RECOVERY_MS = 60_000;

/** The cable is cut for longer than the silence that is allowed, in the middle of two steps. */
export const cutTrial: Trial = {
  name: 'cut',
  what: 'packets dropped in mid execution for longer than 30 s, then the cable is mended (about 45 s)',
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
    const [lines, stop] = [path.join(work, 'lines'), path.join(work, 'stop')];
    const long = await runCommand(
      api,
      `n=0; until [ -e ${stop} ] || [ $n = 3000 ]; do n=$((n+1)); echo "$n of $$" | tee -a ${lines}; sleep 0.05; done`,
    );
    const short = await runCommand(api, `sleep 8; echo over >> ${work}/over; echo over`);
    const lineCount = async () => (await readSoFar(lines)).split('\n').length - 1;
    await eventually('the step prints', 10_000, async () => ((await lineCount()) > 20 ? true : undefined));

    say('the cable is cut');
    for (const host of [hosts.onAgent, hosts.onCoordinator]) await feed([...host, 'nft', '-f', '-'], NOTHING_ARRIVES);
    const cutAt = Date.now();
    const atCut = await lineCount();
    const unknown = await untilStatus(api, agent.runner.id, 'Unknown', UNKNOWN_AFTER_MS + SLACK_MS);
    const afterMs = Date.now() - cutAt;
    say(`${unknown.status}: ${unknown.statusReason}`);
    // Until both ends have given up the connection, which takes either as long.
    await agent.program.line(/silent|takes nothing/);
    await eventually('the coordinator has given it up', SLACK_MS, async () => {
      const { replicas } = await api.call('getRunner', { params: { id: agent.runner.id } });
      return replicas[0]?.connected === false ? true : undefined;
    });
    say('both ends have given up the connection');
    findings.figure('cut → Unknown, s', (afterMs / 1000).toFixed(1));
    findings.promise(afterMs > UNKNOWN_AFTER_MS - SLACK_MS, `Unknown came too soon: after ${afterMs} ms.`);
    const during = await lineCount();
    findings.figure('lines printed during the cut', during - atCut);
    findings.promise(during - atCut > 200, `The step did not go on during the cut: ${during - atCut} lines.`);
    findings.promise((await readSoFar(`${work}/over`)) === 'over\n', 'The short step did not end during the cut.');
    for (const { id } of [long, short]) {
      const { state } = await api.call('getExecution', { params: { id } });
      findings.promise(state === 'running', `During the cut an execution is ${state}.`);
    }

    for (const host of [hosts.onAgent, hosts.onCoordinator])
      await capture([...host, 'nft', 'delete', 'table', 'inet', 'cut']);
    const mendedAt = Date.now();
    await untilStatus(api, agent.runner.id, 'Healthy', RECOVERY_MS);
    findings.figure('mended → Healthy, s', ((Date.now() - mendedAt) / 1000).toFixed(1));
    await writeFile(stop, '');
    for (const { id } of [long, short]) {
      const { state, output, operation } = await untilEnded(api, id, 30_000);
      findings.promise(state === 'succeeded' && output.complete, `After the cut an execution is ${state}.`);
      findings.promise(operation.attempt === 1, `It was given again: attempt ${operation.attempt}.`);
    }
    const printed = await readSoFar(lines);
    findings.promise((await outputOf(api, long.id)).toString() === printed, 'The output is not what was printed.');
    findings.promise(new Set(printed.match(/of \d+/g)).size === 1, 'It ran twice.');
    findings.promise((await outputOf(api, short.id)).toString() === 'over\n', 'The output of the short one is wrong.');
    await agent.program.stop('SIGTERM');
    await coordinator.stop();
    return findings.report;
  }),
};
