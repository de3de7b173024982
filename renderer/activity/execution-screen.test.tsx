import axe from 'axe-core';
import { afterEach, describe, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import type { Execution, ExecutionStep, Waiting } from '../../protocol/api/executions.ts';
import type { Me } from '../../protocol/api/identity.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { sampleJob } from '../jobs/sample-job.ts';
import { type Answers, serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { ExecutionScreen } from './execution-screen.tsx';
import { sampleExecution } from './sample-execution.ts';

const TIME = '2026-11-23T20:15:00.000Z';
let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

const me = (): Me => ({
  user: { id: crypto.randomUUID(), name: 'ann', role: 'owner' },
  csrf: 'csrf',
  may: ['read', 'run', 'manage'],
  coordinator: {
    id: crypto.randomUUID(),
    version: '0.1.0',
    protocol: 1,
    publicKey: 'A'.repeat(43),
    embedded: true,
    url: 'http://127.0.0.1:4440',
    time: TIME,
  },
});
const sampleStep = sampleExecution().steps[0] as ExecutionStep;
const waiting: Waiting = {
  waiting: true,
  since: TIME,
  deadline: null,
  ahead: 0,
  summary: 'None of the 2 Runners of this project can take it now.',
  runners: [
    { runner: { id: crypto.randomUUID(), name: 'db-2' }, rule: 'never-connected', detail: 'It has never connected.' },
    { runner: { id: crypto.randomUUID(), name: 'web-1' }, rule: 'tags', detail: 'It lacks the tag db.' },
  ],
};

function open(execution: Execution, answers: Answers = {}) {
  let now = execution;
  server = serveInPage({
    me,
    getExecution: () => now,
    getWaiting: () => waiting,
    cancelExecution: () => {
      now = { ...now, state: 'aborted', reason: 'ann asked to stop it.', endedAt: TIME };
      return now;
    },
    getJob: () => sampleJob({ id: execution.job?.id ?? '' }),
    listRunners: () => ({ items: [], next: null, total: 0 }),
    listTags: () => ({ linux: 1 }),
    ...answers,
  });
  return render(
    testPage(
      <main>
        <ExecutionScreen />
      </main>,
      { path: '/executions/$id', at: `/executions/${execution.id}` },
    ),
  );
}

describe('the page of an execution', () => {
  test('that is queued says of each Runner the first rule that it fails, and axe finds nothing', async () => {
    const screen = await open(sampleExecution());
    await expect.element(screen.getByRole('heading', { name: 'Why is this waiting?' })).toBeVisible();
    await expect.element(screen.getByText('It has never connected.')).toBeVisible();
    await expect.element(screen.getByText('It lacks the tag db.')).toBeVisible();
    await expect.element(screen.getByText('path=/srv')).toBeVisible();
    const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
  });

  test('is stopped without a question, and says so', async () => {
    const screen = await open(sampleExecution());
    await screen.getByRole('button', { name: 'Stop' }).click();
    await expect.element(screen.getByText('ann asked to stop it.')).toBeVisible();
    await expect.element(screen.getByRole('button', { name: 'Run again' })).toBeVisible();
  });

  test('names the processes that outlived the stop, and what came too late', async () => {
    const screen = await open(
      sampleExecution({
        state: 'aborted',
        replica: { id: crypto.randomUUID(), hostname: 'db-west-1.example' },
        steps: [{ ...sampleStep, state: 'aborted', reason: 'cancelled' }],
        survivors: [{ pid: 4711, command: 'sleep 1000' }],
        notes: [{ at: TIME, text: 'A result came after the end.' }],
      }),
    );
    await expect.element(screen.getByText('Could not stop everything')).toBeVisible();
    await expect.element(screen.getByText('sleep 1000')).toBeVisible();
    await expect.element(screen.getByRole('listitem').filter({ hasText: 'Process 4711: sleep 1000' })).toBeVisible();
    await expect.element(screen.getByRole('alert').getByText('db-west-1.example')).toBeVisible();
    await expect.element(screen.getByRole('navigation', { name: 'Steps' }).getByText(/^Could not stop/)).toBeVisible();
    // The header does not say "Stopped" of what was not.
    await expect.element(screen.getByRole('status').getByText('Could not stop', { exact: true })).toBeVisible();
    expect(screen.getByRole('status').getByText('Stopped', { exact: true }).elements()).toEqual([]);
    await expect.element(screen.getByText('A result came after the end.', { exact: false })).toBeVisible();
  });

  test('is run again with the options and tags that it had', async () => {
    const again = sampleExecution();
    const screen = await open(sampleExecution({ state: 'failed', endedAt: TIME }), { runJob: () => again });
    await screen.getByRole('button', { name: 'Run again' }).click();
    await expect.element(screen.getByRole('textbox', { name: 'path' })).toHaveValue('/srv');
    // By the element: without a portal, as in tests, the dialog may stand below the window.
    (
      (await screen.getByRole('dialog').getByRole('button', { name: 'Run Job Now' }).findElement()) as HTMLElement
    ).click();
    await expect
      .poll(() => server.asked.find(([name]) => name === 'runJob')?.[1].body)
      .toEqual({ options: { path: '/srv' } });
  });

  test('whose job was deleted cannot be run again, and says why', async () => {
    const screen = await open(sampleExecution({ state: 'failed', endedAt: TIME }), {
      getJob: () => {
        throw new OutrunnerError('not-found');
      },
    });
    const button = screen.getByRole('button', { name: 'Run again' });
    await expect.element(button).toHaveAttribute('aria-disabled', 'true');
    ((await button.findElement()) as HTMLElement).focus();
    await expect.element(screen.getByText('The job was deleted.')).toBeVisible();
  });

  test('that is not there says so, and what to do', async () => {
    const screen = await open(sampleExecution(), {
      getExecution: () => {
        throw new OutrunnerError('not-found', { detail: 'There is no such execution.' });
      },
    });
    await expect.element(screen.getByText('There is no such execution.')).toBeVisible();
  });
});
