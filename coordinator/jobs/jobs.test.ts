import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExecutionSchema } from '../../protocol/api/executions.ts';
import { JobSchema } from '../../protocol/api/jobs.ts';
import { JournalWriter } from '../testing/journal-records.ts';
import { eventually, TestCoordinator } from '../testing/test-coordinator.ts';

let coordinator: TestCoordinator;
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
});
afterEach(() => coordinator.end());

const definition = (change: object = {}) => ({
  name: 'Disk usage',
  workflow: { steps: [{ type: 'command', command: 'df -h' }] },
  ...change,
});

async function json(answer: Response | Promise<Response>): Promise<unknown> {
  return (await answer).json();
}

async function makeJob(change: object = {}) {
  const answer = await coordinator.call('/projects/Welcome/jobs', definition(change));
  expect(answer.status).toBe(201);
  return JobSchema.parse(await answer.json());
}

describe('a job', () => {
  it('is created with all defaults, read, replaced and deleted; its executions stay', async () => {
    await coordinator.addProject();
    const job = await makeJob({ group: ' checks / disks ' });
    expect(job).toMatchObject({
      project: 'Welcome',
      group: 'checks/disks',
      version: 1,
      queueSeconds: 3600,
      options: [],
    });
    const run = ExecutionSchema.parse(await json(coordinator.call(`/jobs/${job.id}/executions`, {})));
    const replaced = await json(coordinator.call(`/jobs/${job.id}`, definition({ name: 'Disks' }), 'PUT'));
    expect(replaced).toMatchObject({ id: job.id, name: 'Disks', group: '', version: 2, lastExecution: { id: run.id } });
    expect((await coordinator.call(`/jobs/${job.id}`, undefined, 'DELETE')).status).toBe(204);
    expect((await coordinator.call(`/jobs/${job.id}`)).status).toBe(404);
    expect(await json(coordinator.call(`/executions/${run.id}`))).toMatchObject({
      job: { id: job.id, name: 'Disk usage' },
    });
    const actions = coordinator.events.filter((event) => event.topic === 'job').map((event) => event.action);
    expect(actions).toEqual(['created', 'updated', 'deleted']);
  });

  it('is not replaced by who looked at an older version', async () => {
    await coordinator.addProject();
    const job = await makeJob();
    expect((await coordinator.call(`/jobs/${job.id}`)).headers.get('etag')).toBe('"1"');
    const put = (version: string) =>
      fetch(`${coordinator.url}/api/v1/jobs/${job.id}`, {
        method: 'PUT',
        headers: { authorization: 'Bearer test', 'content-type': 'application/json', 'if-match': version },
        body: JSON.stringify(definition()),
      });
    expect((await put('"1"')).status).toBe(200);
    const late = await put('"1"');
    expect(late.status).toBe(412);
    expect(await late.json()).toMatchObject({ code: 'precondition-failed' });
    expect((await put('yesterday')).status).toBe(400);
  });

  it('has a name of its own within its project and group, whatever the case', async () => {
    await coordinator.addProject();
    await coordinator.addProject('Other');
    await makeJob();
    const again = await coordinator.call('/projects/welcome/jobs', definition({ name: 'DISK usage' }));
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({ code: 'name-taken', fields: [{ path: 'name' }] });
    await makeJob({ group: 'elsewhere' });
    expect((await coordinator.call('/projects/Other/jobs', definition())).status).toBe(201);
    expect((await coordinator.call('/projects/None/jobs', definition())).status).toBe(404);
  });

  it('names every field of a definition that is wrong', async () => {
    await coordinator.addProject();
    const wrong = { name: '', workflow: { steps: [{ type: 'command', command: ' ' }], color: 1 }, leaseSeconds: 1 };
    const answer = await coordinator.call('/projects/Welcome/jobs', wrong);
    expect(answer.status).toBe(400);
    const { fields } = (await answer.json()) as { fields: { path: string }[] };
    expect(fields.map((field) => field.path).sort()).toEqual([
      'leaseSeconds',
      'name',
      'workflow.color',
      'workflow.steps.0.command',
    ]);
  });
});

describe('the list', () => {
  it('is searched, sorted and paged, and shows what became of the jobs', async () => {
    const project = await coordinator.addProject();
    const { agent } = await coordinator.connectedRunner('one', project);
    const jobs: Awaited<ReturnType<typeof makeJob>>[] = [];
    for (const name of ['web-10', 'web-2', 'db']) jobs.push(await makeJob({ name, description: `about ${name}` }));
    for (const exitCode of [0, 0, 1]) {
      await coordinator.call(`/jobs/${jobs[0]?.id}/executions`, {});
      const operation = await agent.nextOperation();
      const journal = new JournalWriter(operation, () => coordinator.clock.now());
      agent.sendRecords(operation.operation, 1, [journal.started(), journal.stepStarted(0)]);
      await agent.next('ack');
      coordinator.clock.advance(2000);
      const ends = [journal.stepFinished(0, exitCode), journal.finished(exitCode === 0 ? 'succeeded' : 'failed')];
      agent.sendRecords(operation.operation, 1, ends);
      await eventually(async () => (await agent.next('ack')).final);
    }
    const all = (await json(coordinator.call('/projects/Welcome/jobs'))) as {
      items: { name: string }[];
      total: number;
    };
    expect(all.items.map((job) => job.name)).toEqual(['db', 'web-2', 'web-10']);
    expect(all.items[2]).toMatchObject({
      lastExecution: { state: 'failed', number: 3 },
      averageSeconds: 2,
      successRate: 2 / 3,
    });
    expect(all.items[0]).toMatchObject({ lastExecution: null, averageSeconds: null, successRate: null });
    const found = await json(coordinator.call('/projects/Welcome/jobs?search=ABOUT%20web&sort=-name&limit=1'));
    expect(found).toMatchObject({ items: [{ name: 'web-10' }], total: 2 });
    const { next } = found as { next: string };
    const second = await json(
      coordinator.call(`/projects/Welcome/jobs?search=about%20web&sort=-name&limit=1&cursor=${next}`),
    );
    expect(second).toMatchObject({ items: [{ name: 'web-2' }], next: null });
    coordinator.clock.advance(1000);
    await eventually(() => coordinator.events.some((event) => event.topic === 'job' && event.action === 'updated'));
  });
});

describe('running', () => {
  const options = [
    { name: 'target', required: true },
    { name: 'level', value: '3' },
  ];

  it('fills in defaults and hands options and their job to the Runner', async () => {
    const project = await coordinator.addProject();
    const { agent } = await coordinator.connectedRunner('one', project);
    const job = await makeJob({ options, group: 'a/b' });
    const run = await json(coordinator.call(`/jobs/${job.id}/executions`, { options: { target: 'web' } }));
    expect(run).toMatchObject({ kind: 'job', title: 'Disk usage', options: { target: 'web', level: '3' } });
    const { plan, job: named } = await agent.nextOperation();
    expect(named).toEqual({ id: job.id, name: 'Disk usage' });
    expect(plan.options).toEqual({ target: 'web', level: '3' });
    expect(plan.environment).toMatchObject({
      RD_JOB_NAME: 'Disk usage',
      RD_JOB_ID: job.id,
      RD_JOB_GROUP: 'a/b',
      RD_JOB_PROJECT: 'Welcome',
      RD_JOB_USER_NAME: 'tester',
    });
    expect(plan.environment.RD_JOB_URL).toMatch(/^http:\/\/.*\/executions\//);
  });

  it('refuses options that the job does not declare and misses those it needs, and starts nothing', async () => {
    await coordinator.addProject();
    const job = await makeJob({ options });
    const answer = await coordinator.call(`/jobs/${job.id}/executions`, { options: { colour: 'red', target: ' ' } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ fields: [{ path: 'options.colour' }, { path: 'options.target' }] });
    expect(await json(coordinator.call('/executions'))).toMatchObject({ total: 0 });
  });

  it('runs ad hoc commands and scripts', async () => {
    const project = await coordinator.addProject();
    const { agent } = await coordinator.connectedRunner('one', project);
    const command = await json(coordinator.call('/projects/Welcome/commands', { command: 'uname -a' }));
    expect(command).toMatchObject({ kind: 'command', title: 'uname -a', job: null, options: {} });
    expect((await agent.nextOperation()).plan.steps).toMatchObject([{ type: 'command', command: 'uname -a' }]);
    const script = { script: '#!/bin/bash\necho hi\n', interpreter: 'bash', timeoutSeconds: 5 };
    const run = await json(coordinator.call('/projects/Welcome/commands', script));
    expect(run).toMatchObject({ kind: 'script', title: 'Script: echo hi', timeoutSeconds: 5 });
    for (const [body, path] of [
      [{}, 'command'],
      [{ command: 'a', script: 'b' }, 'command'],
      [{ command: ' ' }, 'command'],
      [{ command: 'a', interpreter: 'sh\n-x' }, 'interpreter'],
    ] as const) {
      const wrong = await coordinator.call('/projects/Welcome/commands', body);
      expect(wrong.status).toBe(400);
      expect(await wrong.json()).toMatchObject({
        fields: expect.arrayContaining([{ path, message: expect.any(String) }]),
      });
    }
  });

  it('refuses what is too large for a message to an agent', async () => {
    await coordinator.addProject();
    const step = (size: number) => ({ type: 'script', script: '\n"'.repeat(size) });
    const tooLarge = { name: 'big', workflow: { steps: [step(300_000), step(300_000), step(300_000)] } };
    const answer = await coordinator.call('/projects/Welcome/jobs', tooLarge);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ fields: [{ path: 'workflow.steps' }] });
    expect((await coordinator.call('/projects/Welcome/jobs', definition())).status).toBe(201);
  });
});
