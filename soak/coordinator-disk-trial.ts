import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runAgent } from '../bench/harness/agent.ts';
import type { ApiClient } from '../bench/harness/api-client.ts';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import type { Trial, TrialOptions } from './report.ts';
import { smallDisk, whyNoSmallDisk } from './small-disk.ts';
import { eventually, Findings, outputOf, readSoFar, runCommand, stageAgent, untilEnded } from './stage.ts';

const LINES = 1_200_000;

/** The disk of the coordinator's data folder fills up while a step prints, and people go on asking for work. */
export const coordinatorDiskTrial: Trial = {
  name: 'disk-coordinator',
  what: "the disk of the coordinator's data folder fills up in mid step (about 15 s)",
  whyNot: whyNoSmallDisk,
  async run(options) {
    const findings = new Findings();
    for (const killed of [false, true]) await fillDisk(options, killed, findings);
    return findings.report;
  },
};

/** `killed`: both programs are killed while the disk is full; else there is just room again. */
async function fillDisk(
  { work: all, executable, say }: TrialOptions,
  killed: boolean,
  findings: Findings,
): Promise<void> {
  const how = killed ? 'after kills' : 'by itself';
  const work = path.join(all, killed ? 'killed' : 'alive');
  const disk = await smallDisk(path.join(work, 'small'), 32);
  try {
    let coordinator = await startCoordinator({ dataDir: path.join(disk.folder, 'coordinator') });
    const agent = await stageAgent(
      coordinator,
      path.join(work, 'agent'),
      executable === undefined ? {} : { executable },
    );
    const [file, go, stop] = ['runs', 'go', 'stop'].map((name) => path.join(work, name)) as [string, string, string];
    const untilThere = (name: string) => `until [ -e ${name} ]; do sleep 0.05; done`;
    const loud = await runCommand(
      coordinator.api,
      `echo run >> ${file}; ${untilThere(go)}; seq 1 ${LINES}; ${untilThere(stop)}; echo over >> ${file}; echo over`,
    );
    await eventually('it runs', 10_000, async () => ((await readSoFar(file)) === 'run\n' ? true : undefined));
    await disk.fill(3 << 20);
    await writeFile(go, '');
    await eventually('the disk is full', 20_000, async () => ((await disk.free()) < 300_000 ? true : undefined));
    say('the data folder is full');
    const accepted = await untilRefused(coordinator.api, work, findings);
    findings.figure(`accepted on the nearly full disk (${how})`, accepted.length);
    await writeFile(stop, '');
    await eventually('the step ends on its host', 30_000, async () =>
      (await readSoFar(file)).includes('over') ? true : undefined,
    );
    const shown = await coordinator.api.call('getExecution', { params: { id: loud.id } });
    findings.promise(shown.state === 'running', `Its end cannot have been stored, and it is ${shown.state}.`);
    // What is acknowledged is stored; what is not stays with the agent, also when both are killed now.
    if (killed) {
      await coordinator.kill();
      await agent.program.stop('SIGKILL');
    }
    await disk.empty();
    say('there is room again');
    if (killed) {
      const port = Number(new URL(coordinator.url).port);
      coordinator = await startCoordinator({ dataDir: coordinator.dataDir, port });
      agent.program = runAgent(agent.folder, [], executable === undefined ? {} : { executable });
    }
    const { api } = coordinator;
    const begun = Date.now();
    const ended = await untilEnded(api, loud.id, 60_000);
    findings.figure(`room again → all of it stored (${how}), s`, ((Date.now() - begun) / 1000).toFixed(1));
    if (killed && ended.state === 'failed') {
      // Nobody heard its end before the kill: then the agent says so.
      findings.promise(/agent/.test(ended.reason), `It failed for another reason: ${ended.reason}`);
    } else {
      findings.promise(ended.state === 'succeeded' && ended.output.complete, `It is ${ended.state}: ${ended.reason}`);
    }
    findings.promise((await readSoFar(file)) === 'run\nover\n', 'It did not run once.');
    const output = (await outputOf(api, loud.id)).toString();
    const expected = `${Array.from({ length: LINES }, (_, n) => `${n + 1}\n`).join('')}over\n`;
    findings.promise(output === expected, `The output is not what was printed: ${output.length} bytes.`);
    let succeeded = 0;
    for (const [n, id] of accepted.entries()) {
      const extra = await untilEnded(api, id, 30_000);
      if (killed && extra.state === 'failed') {
        // It was in mid step when both were killed: it may have run, and is not run again.
        findings.promise(
          /agent/.test(extra.reason),
          `One that was accepted failed for another reason: ${extra.reason}`,
        );
        continue;
      }
      succeeded += 1;
      findings.promise(extra.state === 'succeeded', `One that was accepted on the full disk is ${extra.state}.`);
      findings.promise((await outputOf(api, id)).toString() === `extra ${n}\n`, 'Its output is wrong.');
    }
    const extras = (await readSoFar(`${work}/extras`)).split('\n').length - 1;
    const isOnceEach = extras >= succeeded && extras <= accepted.length;
    findings.promise(isOnceEach, `${accepted.length} were accepted, ${succeeded} succeeded and ${extras} ran.`);
    const after = await untilEnded(api, (await runCommand(api, 'echo after')).id, 20_000);
    findings.promise(after.state === 'succeeded', `A new one is ${after.state}.`);
    await agent.program.stop('SIGTERM');
    await coordinator.stop();
  } finally {
    await disk.remove();
  }
}

/** Asks for work until it is refused for want of room; gives what was accepted before. */
async function untilRefused(api: ApiClient, work: string, findings: Findings): Promise<string[]> {
  const accepted: string[] = [];
  await eventually('a call is refused for want of room', 20_000, async () => {
    try {
      const { id } = await runCommand(api, `echo extra ${accepted.length}; echo extra >> ${work}/extras`);
      accepted.push(id);
      return undefined;
    } catch (error) {
      if (!(error instanceof OutrunnerError)) throw error;
      findings.promise(error.code === 'storage-full', `On a full disk a call is refused as ${error.code}.`);
      return true;
    }
  });
  return accepted;
}
