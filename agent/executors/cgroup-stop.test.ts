import { readdirSync } from 'node:fs';
import { chown, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { heldOnDisk } from '../testing/held-on-disk.ts';
import { outcomeOf, stepEnds } from '../testing/journal-view.ts';
import { lives } from '../testing/processes-of.ts';
import { testCoordinator } from '../testing/test-agent.ts';
import { cgroupOf, NO_CGROUPS, openTestCgroup } from '../testing/test-cgroup.ts';
import { outputOf, type TestCoordinator } from '../testing/test-coordinator.ts';
import { CgroupFolder } from './cgroup-folder.ts';

/** A control group that is ended when the test has finished: ask for it before anything that has to end before. */
function testCgroup() {
  const group = openTestCgroup();
  onTestFinished(() => group.close());
  return group;
}

/** Sheds session, parents, environment, output and folder: nothing but its control group tells whose it is. */
const shed = (command: string) => `(cd / && exec env -i /usr/bin/setsid ${command} </dev/null >/dev/null 2>&1 &)`;
const pidTo = (file: string, then: string) => shed(`/bin/sh -c 'echo $$ > "${file}"; ${then}'`);

async function ready() {
  const { folder: group, launcher } = testCgroup();
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  const start = () => runAgentProgram(['run'], { cwd: folder, launcher, env: { OUTRUNNER_CGROUPS: 'on' } });
  const agent = start();
  await coordinator.connected();
  /** Groups of operations. */
  const groups = () =>
    readdirSync(group)
      .filter((name) => name.startsWith('outrunner-'))
      .flatMap((home) => readdirSync(join(group, home), { withFileTypes: true }))
      .filter((entry) => entry.isDirectory() && entry.name !== 'agent')
      .map(({ name }) => name)
      .toSorted();
  return { coordinator, folder, group, groups, agent, start };
}

/** The number that a process has written into a file, once it is there. */
async function pidIn(file: string): Promise<number> {
  await expect.poll(() => readFile(file, 'utf8').catch(() => '')).toMatch(/^\d+\n/);
  return Number(await readFile(file, 'utf8'));
}

/** Ends it when the test has finished: it is expected to outlive the agent. */
function endLater(pid: number): number {
  onTestFinished(() => {
    if (lives(pid)) process.kill(pid, 'SIGKILL');
  });
  return pid;
}

async function cancelWhenReady(coordinator: TestCoordinator, command: string, graceSeconds = 1) {
  const operation = await coordinator.offer([{ type: 'command', command }]);
  await coordinator.recorded(operation, () =>
    /ready/.test(outputOf(coordinator.journal(operation).records).toString()),
  );
  coordinator.session?.send({ type: 'cancel', operation, attempt: 1, reason: '', graceSeconds });
  return outcomeOf(await coordinator.finished(operation));
}

describe.skipIf(NO_CGROUPS !== '')(
  `with control groups (needs root on Linux with cgroup v2${NO_CGROUPS === '' ? '' : `: ${NO_CGROUPS}`})`,
  () => {
    test('what sheds session, parents, environment, output and folder is stopped all the same', async () => {
      const { coordinator, folder, groups } = await ready();
      const file = join(folder, 'pid');
      const outcome = await cancelWhenReady(
        coordinator,
        `${pidTo(file, 'trap "" TERM; while :; do sleep 1; done')}; while [ ! -s '${file}' ]; do sleep 0.01; done; echo ready; sleep 300`,
      );
      expect(outcome).toMatchObject({ outcome: 'aborted', survivors: [] });
      expect(lives(await pidIn(file))).toBe(false);
      await expect.poll(groups).toEqual([]);
    });

    test('what is started long after the step began is in the group of its operation, and ends with it', async () => {
      const { coordinator, folder, group } = await ready();
      const file = join(folder, 'pid');
      const operation = await coordinator.offer([
        { type: 'command', command: `sleep 0.3; ${pidTo(file, 'sleep 300')}; echo ready; sleep 300` },
      ]);
      const pid = await pidIn(file);
      expect(basename(cgroupOf(pid))).toBe(`${operation}.1`);
      expect(cgroupOf(pid)).toContain(basename(group));
      coordinator.session?.send({ type: 'cancel', operation, attempt: 1, reason: '', graceSeconds: 0 });
      expect(outcomeOf(await coordinator.finished(operation)).survivors).toEqual([]);
      expect(lives(pid)).toBe(false);
    });

    test.each([
      [
        'in sessions of their own, deaf to hang-ups and polite stops',
        `i=0; while [ $i -lt 10 ]; do i=$((i+1)); setsid nohup sh -c 'trap "" TERM HUP; while :; do sleep 1; done' >/dev/null 2>&1 & done; echo ready; wait`,
      ],
      ['that double fork', `(setsid sh -c 'sleep 300 & exit 0' &); echo ready; sleep 300`],
      ['that hold the output', `setsid sleep 300 & echo ready; wait`],
      [
        '200 at once, each of which starts another when it is ended',
        `i=0; while [ $i -lt 200 ]; do i=$((i+1)); sh -c 'trap "" TERM; while :; do sleep 5 & wait; done' & done; echo ready; wait`,
      ],
      ['that fork without end', `f() { while :; do (sleep 0.2; :) & sleep 0.02; done; }; f & f & echo ready; wait`],
      [
        'that fork and end without end',
        `printf '%s' 'sleep 0.005; setsid sh "$0" & exit 0' > chain; sh ./chain & sh ./chain & echo ready; sleep 300`,
      ],
    ])('nothing survives a stop: processes %s', async (_what, command) => {
      const { coordinator, groups } = await ready();
      expect(await cancelWhenReady(coordinator, command, 0)).toMatchObject({ outcome: 'aborted', survivors: [] });
      // The group could be removed: the kernel itself says that nothing is left.
      await expect.poll(groups).toEqual([]);
    });

    test('of operations that begin at the same time, a stop of one ends its own processes alone', async () => {
      const { coordinator, folder } = await ready();
      const operations: string[] = [];
      for (let i = 0; i < 6; i++) {
        const file = join(folder, `pid-${i}`);
        const daemon = `setsid sh -c 'echo $$ > "${file}"; sleep 300' >/dev/null 2>&1 &`;
        operations.push(await coordinator.offer([{ type: 'command', command: `(${daemon}); sleep 300` }]));
      }
      const pids = await Promise.all(operations.map((_, i) => pidIn(join(folder, `pid-${i}`))));
      const [first = ''] = operations;
      coordinator.session?.send({ type: 'cancel', operation: first, attempt: 1, reason: '', graceSeconds: 1 });
      await coordinator.finished(first);
      expect(pids.map(lives)).toEqual([false, true, true, true, true, true]);
      for (const operation of operations.slice(1)) {
        coordinator.session?.send({ type: 'cancel', operation, attempt: 1, reason: '', graceSeconds: 0 });
        expect(outcomeOf(await coordinator.finished(operation)).survivors).toEqual([]);
      }
      expect(pids.some(lives)).toBe(false);
    });

    test('a time limit stops in the same way', async () => {
      const { coordinator, folder, groups } = await ready();
      const file = join(folder, 'pid');
      const steps = [{ type: 'command' as const, command: `${pidTo(file, 'sleep 300')}; sleep 300` }];
      const operation = await coordinator.offer(steps, { timeoutSeconds: 1, graceSeconds: 0 });
      expect(outcomeOf(await coordinator.finished(operation))).toMatchObject({ outcome: 'timedout', survivors: [] });
      expect(lives(await pidIn(file))).toBe(false);
      await expect.poll(groups).toEqual([]);
    });

    test('a short command needs no group, and many of them leave none', async () => {
      const { coordinator, groups } = await ready();
      const operations = await Promise.all(
        Array.from({ length: 30 }, () => coordinator.offer([{ type: 'command', command: 'echo x' }])),
      );
      for (const operation of operations)
        expect(outcomeOf(await coordinator.finished(operation)).outcome).toBe('succeeded');
      await expect.poll(groups).toEqual([]);
    });

    test('what a job that succeeded left running on purpose goes on, also over a crash of the agent', async () => {
      const { coordinator, folder, groups, agent, start } = await ready();
      const file = join(folder, 'pid');
      const operation = await coordinator.offer([
        {
          type: 'command',
          command: `sleep 0.1; ${pidTo(file, 'sleep 300')}; while [ ! -s '${file}' ]; do sleep 0.01; done`,
        },
      ]);
      expect(outcomeOf(await coordinator.finished(operation)).outcome).toBe('succeeded');
      const pid = endLater(await pidIn(file));
      await expect.poll(groups).toEqual([`${operation}.1`, `${operation}.1.kept`]);
      await expect.poll(() => heldOnDisk(join(folder, 'state', 'operations'))).toEqual([]);
      agent.child.kill('SIGKILL');
      await agent.exited;
      // As after a long time: nothing but the group remembers the operation.
      await rm(join(folder, 'state', 'operations', 'ended.jsonl'));
      const next = start();
      await coordinator.nextSession();
      const probe = await coordinator.offer([{ type: 'command', command: 'echo on' }]);
      await coordinator.finished(probe);
      expect(lives(pid)).toBe(true);
      process.kill(pid, 'SIGKILL');
      next.child.kill('SIGTERM');
      await next.exited;
    });

    test('after a crash, what ran is found by its group and ended, and the journal says so', async () => {
      const { coordinator, folder, groups, agent, start } = await ready();
      const file = join(folder, 'pid');
      const operation = await coordinator.offer([
        { type: 'command', command: `sleep 0.1; ${pidTo(file, 'trap "" TERM; while :; do sleep 1; done')}; sleep 300` },
      ]);
      const pid = await pidIn(file);
      agent.child.kill('SIGKILL');
      await agent.exited;
      expect(lives(pid)).toBe(true);
      start();
      const records = await coordinator.finished(operation);
      expect(stepEnds(records)[0]?.reason).toBe('agent-restarted');
      expect(outcomeOf(records)).toMatchObject({ outcome: 'failed', survivors: [] });
      expect(lives(pid)).toBe(false);
      await expect.poll(groups).toEqual([]);
    });

    test('after a crash, what ran of operations whose folder is gone is ended too', async () => {
      const { coordinator, folder, groups, agent, start } = await ready();
      const file = join(folder, 'pid');
      await coordinator.offer([{ type: 'command', command: `sleep 0.1; ${pidTo(file, 'sleep 300')}; sleep 300` }]);
      const pid = await pidIn(file);
      agent.child.kill('SIGKILL');
      await agent.exited;
      await rm(join(folder, 'state', 'operations'), { recursive: true });
      const next = start();
      await expect.poll(() => lives(pid)).toBe(false);
      await expect.poll(groups).toEqual([]);
      expect(next.stderr() + next.stdout()).toContain('not here any more');
    });

    test('the agent says which way it stops, and leaves no group behind', async () => {
      const { folder, group, agent } = await ready();
      const ask = async (command: string) => {
        const asked = runAgentProgram([command], { cwd: folder, env: { OUTRUNNER_CGROUPS: 'on' } });
        await asked.exited;
        return asked.stdout();
      };
      await expect.poll(() => ask('status')).toContain(`each operation has a control group`);
      expect(await ask('doctor')).toMatch(/✓ stops +each operation has a control group/);
      expect(agent.stderr() + agent.stdout()).toContain('each operation has a control group');
      agent.child.kill('SIGTERM');
      expect(await agent.exited).toBe(0);
      expect(readdirSync(group).filter((name) => name.startsWith('outrunner-'))).toEqual([]);
    });

    test('an agent that is no root uses what was delegated to its user', async () => {
      const { folder: group, launcher } = testCgroup();
      const nobody = 65_534;
      // As systemd does with Delegate=yes: the group and these files belong to the user of the service.
      for (const name of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']) {
        await chown(join(group, name), nobody, nobody);
      }
      const coordinator = await testCoordinator();
      const folder = await packageFolder(coordinator);
      await chown(folder, nobody, nobody);
      await chown(join(folder, 'runner.json'), nobody, nobody);
      const asNobody = [...launcher, 'setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
      const env = { OUTRUNNER_CGROUPS: 'on', HOME: folder };
      const agent = runAgentProgram(['run'], { cwd: folder, launcher: asNobody, env });
      await coordinator.connected();
      expect(agent.stderr() + agent.stdout()).toContain('each operation has a control group');
      const file = join(folder, 'pid');
      const outcome = await cancelWhenReady(
        coordinator,
        `${pidTo(file, 'sleep 300')}; while [ ! -s '${file}' ]; do sleep 0.01; done; echo ready; sleep 300`,
      );
      expect(outcome).toMatchObject({ outcome: 'aborted', survivors: [] });
      expect(lives(await pidIn(file))).toBe(false);
    });

    test.each([true, false])('a group is ended in one go, with cgroup.kill in the kernel: %s', async (mayKill) => {
      const { folder, launcher } = testCgroup();
      const { spawn } = await import('node:child_process');
      const [file = '', ...args] = [
        ...launcher,
        '/bin/sh',
        '-c',
        'f() { while :; do (sleep 0.05) & sleep 0.01; done; }; f & f & f',
      ];
      const child = spawn(file, args, { stdio: 'ignore', detached: true });
      const group = new CgroupFolder(folder, mayKill);
      await expect.poll(async () => (await group.members()).length).toBeGreaterThan(6);
      await group.kill();
      await expect.poll(() => group.members()).toEqual([]);
      child.unref();
    });

    test('the agent never ends a group that it is in itself', async () => {
      const { folder } = testCgroup();
      const group = new CgroupFolder(folder);
      const back = cgroupOf(process.pid);
      await group.enter(process.pid);
      try {
        await expect(group.kill()).rejects.toThrow('itself');
      } finally {
        await new CgroupFolder(join(folder, '..', back)).enter(process.pid);
      }
    });
  },
);
