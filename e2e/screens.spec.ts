import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { runAgent, startAgent, writeRunnerConfig } from '../bench/harness/agent.ts';
import type { CoordinatorProcess } from '../bench/harness/coordinator.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { look } from './support/look.ts';
import { expect, test } from './support/test.ts';

interface Place {
  name: string;
  path: string;
  /** Text by which one sees that the screen has its data. */
  sign: string | RegExp;
}

async function visit(page: Page, coordinator: CoordinatorProcess, place: Place, suffix: string): Promise<void> {
  await page.goto(`${coordinator.url}${place.path}`);
  await expect(page.getByText(place.sign).first()).toBeVisible();
  await look(page, place.name, suffix);
}

const EMPTY: readonly Place[] = [
  { name: 'empty-runners', path: '/runners', sign: /Create Runner/ },
  { name: 'empty-upgrades', path: '/upgrades', sign: 'No upgrade yet' },
  { name: 'empty-activity', path: '/projects/Welcome/activity', sign: /Activity/ },
  { name: 'empty-tokens', path: '/tokens', sign: /token/i },
];

test('axe finds nothing on any screen, in light and dark and at 1024×700, with data and without', async ({
  page,
  coordinator,
  work,
}) => {
  test.setTimeout(240_000);
  await page.goto(await coordinator.signInLink());
  await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();
  for (const place of EMPTY) await visit(page, coordinator, place, 'light');

  const { api } = coordinator;
  const agent = await startAgent(coordinator, path.join(work, 'agent'), {
    name: 'db-west-1',
    description: 'Reaches the databases in the western data centre',
    tags: ['linux', 'db', 'west'],
    projects: [{ project: 'Welcome' }],
  });
  await api.call('createRunner', {
    body: {
      name: 'never-started',
      description: 'Waits for its host',
      tags: ['linux'],
      projects: [{ project: 'Welcome' }],
    },
  });
  const { items: jobs } = await api.call('listJobs', { params: { project: 'Welcome' } });
  const live = await api.live();
  const ended: string[] = [];
  for (const job of jobs) {
    const { id } = await api.call('runJob', { params: { id: job.id }, body: {} });
    await live.until((event) => event.topic === 'execution' && event.id === id && isTerminal(event.execution.state));
    ended.push(id);
  }
  const waiting = await api.call('runAdHoc', {
    params: { project: 'Welcome' },
    body: { command: 'true', runnerTags: ['nobody-has-this'] },
  });
  live.close();
  const survived = await outlivedExecution(coordinator, path.join(work, 'weak-agent'));
  const failing = ended[jobs.findIndex((job) => job.name === 'Failing job')];
  const slow = ended[jobs.findIndex((job) => job.name.startsWith('Slow'))];

  const places: readonly Place[] = [
    { name: 'runners', path: '/runners', sign: 'db-west-1' },
    { name: 'wizard', path: '/runners/new', sign: 'Create a Runner that can receive work.' },
    { name: 'runner', path: `/runners/${agent.runner.id}`, sign: 'db-west-1' },
    { name: 'projects', path: '/projects', sign: 'Welcome' },
    { name: 'project-settings', path: '/projects/Welcome/settings', sign: /Project settings/i },
    { name: 'project-runners', path: '/projects/Welcome/runners', sign: 'db-west-1' },
    { name: 'jobs', path: '/projects/Welcome/jobs', sign: 'Failing job' },
    { name: 'job', path: `/projects/Welcome/jobs/${jobs[0]?.id}`, sign: jobs[0]?.name ?? '' },
    { name: 'job-editor', path: `/projects/Welcome/jobs/${jobs[0]?.id}/edit`, sign: /Workflow/ },
    { name: 'job-new', path: '/projects/Welcome/jobs/new', sign: /Workflow/ },
    { name: 'commands', path: '/projects/Welcome/commands', sign: /Command/ },
    { name: 'activity', path: '/projects/Welcome/activity', sign: 'Failing job' },
    { name: 'execution-succeeded', path: `/executions/${slow}`, sign: 'All done.' },
    { name: 'execution-failed', path: `/executions/${failing}`, sign: /cannot find its file/ },
    { name: 'execution-waiting', path: `/executions/${waiting.id}`, sign: /nobody-has-this/ },
    ...(survived === null
      ? []
      : [{ name: 'execution-could-not-stop', path: `/executions/${survived.id}`, sign: /still running on/ }]),
    { name: 'tokens', path: '/tokens', sign: /token/i },
    { name: 'trust', path: '/trust', sign: 'Signing key' },
    { name: 'settings', path: '/settings', sign: /Theme|Appearance/ },
    { name: 'about', path: '/about', sign: /Outrunner/ },
    { name: 'not-found', path: '/nowhere', sign: 'There is nothing at this address' },
    { name: 'error', path: '/runners/00000000-0000-4000-8000-000000000000', sign: /nothing here|deleted/i },
  ];
  for (const [suffix, scheme, viewport] of [
    ['light', 'light', { width: 1280, height: 800 }],
    ['dark-small', 'dark', { width: 1024, height: 700 }],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize(viewport);
    for (const place of places) await visit(page, coordinator, place, suffix);
  }
  survived?.end();
  await agent.stop();
});

/** An execution that was stopped and could not be: its agent may not signal other users. Null where that needs root. */
async function outlivedExecution(coordinator: CoordinatorProcess, folder: string) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const { api } = coordinator;
  const live = await api.live();
  const project = { project: 'Welcome' };
  const { id: runner } = await writeRunnerConfig(coordinator, folder, {
    name: 'weak',
    tags: ['weak'],
    projects: [project],
  });
  const without = ['env', 'OUTRUNNER_CGROUPS=off', 'setpriv', '--bounding-set=-kill', '--inh-caps=-kill'];
  const program = runAgent(folder, without);
  await live.until(
    (event) =>
      event.topic === 'runner' &&
      event.id === runner &&
      event.action !== 'deleted' &&
      event.runner.status === 'Healthy',
  );
  // It says so itself, once it is that user: before, it might still be ended.
  const said = path.join(folder, 'said');
  const command = `setpriv --reuid=65534 --clear-groups sh -c 'echo >&3; exec sleep 600' 3>'${said}' & wait`;
  const { id } = await api.call('runAdHoc', { params: project, body: { command, runnerTags: ['weak'] } });
  await expect.poll(() => readFile(said, 'utf8').catch(() => '')).not.toBe('');
  await api.call('cancelExecution', { params: { id }, body: { reason: 'wrong host' } });
  await live.until((event) => event.topic === 'execution' && event.id === id && isTerminal(event.execution.state));
  live.close();
  const { survivors } = await api.call('getExecution', { params: { id } });
  await program.stop();
  expect(survivors).toMatchObject([{ command: 'sleep 600' }]);
  return { id, end: () => survivors.forEach(({ pid }) => void process.kill(pid, 'SIGKILL')) };
}
