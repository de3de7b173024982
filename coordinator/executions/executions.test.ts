import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalWriter } from '../testing/journal-records.ts';
import { commands, eventually, TestCoordinator } from '../testing/test-coordinator.ts';

let coordinator: TestCoordinator;
let project: { id: string; name: string };
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
  project = await coordinator.addProject();
});
afterEach(() => coordinator.end());

const now = () => coordinator.clock.now();

describe('a run', () => {
  it('goes to a connected Runner, is reported step by step, and ends with its output complete', async () => {
    const { agent, runnerId } = await coordinator.connectedRunner('one', project);
    const started = await coordinator.run(project);
    expect(started).toMatchObject({
      state: 'queued',
      runner: { id: runnerId, name: 'one' },
      operation: { state: 'offered' },
    });
    const operation = await agent.nextOperation();
    expect(operation).toMatchObject({ execution: started.id, attempt: 1, runner: runnerId, project: 'Welcome' });
    expect(operation.plan.environment).toMatchObject({ RD_JOB_EXECID: started.id, RD_JOB_USER_NAME: 'tester' });
    const { operation: id, attempt } = operation;
    agent.send({ type: 'accepted', operation: id, attempt });
    await eventually(async () => (await coordinator.view(started.id)).operation.state === 'accepted');
    // Accepted is not running: an agent may have to keep it in its own queue.
    expect(await coordinator.view(started.id)).toMatchObject({ state: 'queued', startedAt: null });
    const journal = new JournalWriter(operation, now);
    agent.sendRecords(id, attempt, [journal.started(), journal.stepStarted(0), journal.output(0, 'hello\n')]);
    expect(await agent.next('ack')).toMatchObject({ next: 3, final: false });
    await eventually(async () => (await coordinator.view(started.id)).state === 'running');
    agent.sendRecords(id, attempt, [journal.stepFinished(0), journal.finished()]);
    await eventually(async () => (await agent.next('ack')).final);
    const ended = await coordinator.view(started.id);
    expect(ended).toMatchObject({ state: 'succeeded', reason: '', output: { records: 5, complete: true } });
    expect(ended.steps).toMatchObject([{ state: 'succeeded', exitCode: 0, reason: 'completed' }]);
    const text = await coordinator.call(`/executions/${started.id}/output?format=text`);
    expect(await text.text()).toBe('hello\n');
    expect(text.headers.get('x-next-offset')).toBe(String(ended.output.bytes));
  });

  it('says which step failed, and how', async () => {
    const { agent } = await coordinator.connectedRunner('one', project);
    const started = await coordinator.run(project, { workflow: commands('true', 'exit 3') });
    const operation = await agent.nextOperation();
    const journal = new JournalWriter(operation, now);
    agent.sendRecords(operation.operation, 1, [
      journal.started(),
      journal.stepStarted(0),
      journal.stepFinished(0),
      journal.stepStarted(1),
      journal.stepFinished(1, 3),
      journal.finished('failed'),
    ]);
    await eventually(async () => (await agent.next('ack')).final);
    const ended = await coordinator.view(started.id);
    expect(ended).toMatchObject({ state: 'failed', reason: 'Step 2 “exit 3” ended with exit code 3.' });
  });
});
