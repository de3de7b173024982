import axe from 'axe-core';
import { afterEach, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import type { ExecutionSummary } from '../../protocol/api/executions.ts';
import type { Runner } from '../../protocol/api/runners.ts';
import { sampleExecution } from '../activity/sample-execution.ts';
import { serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { RunnerScreen } from './runner-screen.tsx';
import { sampleReplica, sampleRunner } from './sample-runner.ts';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

function open(runner: Runner, work: ExecutionSummary[] = []) {
  server = serveInPage({
    getRunner: () => runner,
    listExecutions: () => ({ items: work, next: null, total: work.length }),
  });
  return render(
    testPage(
      // As in the frame: a column that fills the window.
      <main style={{ display: 'flex', flexDirection: 'column', height: 400 }}>
        <RunnerScreen />
      </main>,
      { path: '/runners/$id', at: `/runners/${runner.id}` },
    ),
  );
}
async function axeFinds() {
  const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

const inAnHour = () => new Date(Date.now() + 3_590_000).toISOString();

test('a Runner that drains says who, why, until when, and what is still to end', async () => {
  const runner = sampleRunner({
    mode: 'draining',
    modeBy: 'ann',
    modeReason: 'New disks',
    modeSince: new Date(Date.now() - 125_000).toISOString(),
    modeUntil: inAnHour(),
    replicas: [sampleReplica({ running: 1 })],
  });
  const screen = await open(runner, [sampleExecution({ number: 17, title: 'Backup', user: 'bob', state: 'running' })]);
  const notice = screen.getByRole('alert').filter({ hasText: 'Draining: it takes no new work' });
  await expect.element(notice.getByText(/New disks — ann, 2 min ago/)).toBeVisible();
  await expect.element(notice.getByText(/It takes work again in 59 min/)).toBeVisible();
  await expect.element(notice.getByRole('link', { name: '#17 Backup' })).toBeVisible();
  await expect.element(notice.getByText('started by bob')).toBeVisible();
  const drawn = await notice.findElement();
  expect(drawn.scrollHeight, 'nothing of it is cut off').toBeLessThanOrEqual(drawn.clientHeight);
  expect(await axeFinds()).toEqual([]);
});

test('a Runner that is paused and idle says so, and that somebody has to resume it', async () => {
  const screen = await open(sampleRunner({ mode: 'paused', modeBy: 'ann', modeReason: 'New disks' }));
  await expect.element(screen.getByText('Paused: it takes no new work')).toBeVisible();
  await expect.element(screen.getByText('Nothing runs there.')).toBeVisible();
  await expect.element(screen.getByText('It takes work again when somebody resumes it.')).toBeVisible();
});

test('two processes with one identity are named, with what to do; after a day it is only a fact', async () => {
  const seen = (hoursAgo: number) => new Date(Date.now() - hoursAgo * 3_600_000 - 5000).toISOString();
  const screen = await open(
    sampleRunner({ replicas: [sampleReplica({ hostname: 'db-1', duplicateSeenAt: seen(1) })] }),
  );
  const alert = screen.getByRole('alert').filter({ hasText: 'Two processes use one identity' });
  await expect.element(alert.getByText(/1 h ago another process connected as the replica on db-1/)).toBeVisible();
  await expect.element(alert.getByRole('button', { name: 'Regenerate credentials' })).toBeVisible();
  expect(await axeFinds()).toEqual([]);
  server.stop();
  await screen.unmount();
  const later = await open(sampleRunner({ replicas: [sampleReplica({ duplicateSeenAt: seen(30) })] }));
  await expect.element(later.getByText('another process connected with this identity', { exact: false })).toBeVisible();
  expect(later.getByRole('alert').elements()).toEqual([]);
});

test('a clock that is more than two seconds off is said in words, one that is less is right', async () => {
  const screen = await open(sampleRunner({ replicas: [sampleReplica({ hostname: 'db-1', skewMs: -200_000 })] }));
  await expect.element(screen.getByText('The clock of db-1 is 3 min 20 s behind')).toBeVisible();
  server.stop();
  await screen.unmount();
  const right = await open(sampleRunner({ replicas: [sampleReplica({ skewMs: 2000 })] }));
  await expect.element(right.getByText('right', { exact: true })).toBeVisible();
  expect(right.getByRole('alert').elements()).toEqual([]);
});

test('an agent that is being stopped is said to take no new work; long polling is called by its name', async () => {
  const replica = sampleReplica({ hostname: 'db-1', accepting: false, transport: 'polling' });
  const screen = await open(sampleRunner({ replicas: [replica] }));
  await expect
    .element(screen.getByRole('img', { name: /^The agent on db-1 takes no new work: it is being stopped or upgraded/ }))
    .toBeVisible();
  await expect.element(screen.getByText(/its agent is being stopped or upgraded/)).toBeVisible();
  await expect.element(screen.getByText(/^Long polling/).first()).toBeVisible();
  expect(await axeFinds()).toEqual([]);
});
