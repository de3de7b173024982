import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import type { Trial } from './report.ts';
import { smallDisk, whyNoSmallDisk } from './small-disk.ts';
import { eventually, Findings, outputOf, readSoFar, runCommand, stageAgent, untilEnded, untilStatus } from './stage.ts';

const LINES = 4_000_000;

/** The disk of the agent's state is too small for what a step prints while the coordinator is away. */
export const agentDiskTrial: Trial = {
  name: 'disk-agent',
  what: "the disk of the agent's state fills up in mid step while the coordinator is away, and then by something else (about 25 s)",
  whyNot: whyNoSmallDisk,
  async run({ work, executable, say }) {
    const findings = new Findings();
    const options = { dataDir: path.join(work, 'coordinator') };
    let coordinator = await startCoordinator(options);
    const port = Number(new URL(coordinator.url).port);
    const disk = await smallDisk(path.join(work, 'small'), 24);
    try {
      const common = executable === undefined ? {} : { executable };
      const tags = ['trial', 'small'];
      const agent = await stageAgent(coordinator, path.join(disk.folder, 'agent'), {
        ...common,
        runner: { tags },
        env: { OUTRUNNER_DISK_FLOOR_MB: '2' },
      });
      const other = await stageAgent(coordinator, path.join(work, 'other'), { ...common, name: 'trial-2' });
      const [go, done] = [path.join(work, 'go'), path.join(work, 'done')];
      const wait = `until [ -e ${go} ]; do sleep 0.05; done`;
      const { id } = await runCommand(
        coordinator.api,
        `${wait}; echo run >> ${work}/runs; seq 1 ${LINES}; touch ${done}`,
        tags,
      );
      await eventually('it runs', 10_000, async () => {
        const { state } = await coordinator.api.call('getExecution', { params: { id } });
        return state === 'running' ? true : undefined;
      });
      await coordinator.kill();
      await writeFile(go, '');
      await eventually('the disk is full', 30_000, async () => ((await disk.free()) < 2.5e6 ? true : undefined));
      say('the disk is full and the coordinator away');
      // Paused, not killed, and not let on: it has far more to print than fits.
      const atFull = await disk.free();
      await sleep(3_000);
      findings.figure('room left on the full disk, KB', Math.round((await disk.free()) / 1000));
      findings.promise(!existsSync(done), 'The step ended on a full disk.');
      findings.promise((await disk.free()) <= atFull, 'Room came from nowhere: something was deleted.');

      // What the coordinator has taken is deleted, and so makes the room for the rest.
      coordinator = await startCoordinator({ ...options, port });
      const { api } = coordinator;
      const back = Date.now();
      const ended = await untilEnded(api, id, 60_000);
      findings.figure('coordinator back → all of it stored, s', ((Date.now() - back) / 1000).toFixed(1));
      findings.promise(ended.state === 'succeeded' && ended.output.complete, `It is ${ended.state}: ${ended.reason}`);
      findings.promise((await readSoFar(`${work}/runs`)) === 'run\n', 'It did not run once.');
      const expected = Array.from({ length: LINES }, (_, n) => `${n + 1}\n`).join('');
      const output = (await outputOf(api, id)).toString();
      findings.figure('output, MB', (output.length / 1e6).toFixed(1));
      findings.promise(output === expected, `The output is not what was printed: ${output.length} bytes.`);
      await untilStatus(api, agent.runner.id, 'Healthy', 15_000);

      // Now something else on the host fills it, and nothing that the agent delivers makes room.
      await disk.fill(0);
      await untilStatus(api, agent.runner.id, 'Unhealthy', 30_000);
      const sick = await api.call('getRunner', { params: { id: agent.runner.id } });
      findings.promise(/disk/.test(sick.statusReason), `The reason does not name the disk: ${sick.statusReason}`);
      const detail = sick.replicas[0]?.checks.find(({ ok }) => !ok)?.detail ?? '';
      say(`${sick.status}: ${sick.statusReason} ${detail}`);
      findings.promise(/free|takes no data/.test(detail), `The check does not say what is wrong: ${detail}`);
      const elsewhere = await untilEnded(api, (await runCommand(api, 'echo elsewhere')).id, 15_000);
      findings.promise(
        elsewhere.state === 'succeeded' && elsewhere.runner?.id === other.runner.id,
        `New work went to ${elsewhere.runner?.name} and ${elsewhere.state}.`,
      );
      const waiting = await runCommand(api, 'echo waited', tags);
      const why = await api.call('getWaiting', { params: { id: waiting.id } });
      findings.promise(
        why.waiting && why.runners.some(({ runner, rule }) => runner.id === agent.runner.id && rule !== null),
        `It does not wait with a reason: ${JSON.stringify(why)}`,
      );

      await disk.empty();
      say('there is room again');
      const late = await untilEnded(api, waiting.id, 30_000);
      findings.promise(late.state === 'succeeded', `What waited is ${late.state}.`);
      await untilStatus(api, agent.runner.id, 'Healthy', 15_000);
      await Promise.all([agent.program.stop('SIGTERM'), other.program.stop('SIGTERM')]);
      await coordinator.stop();
      return findings.report;
    } finally {
      await disk.remove();
    }
  },
};
