import axe from 'axe-core';
import { afterEach, describe, expect, test } from 'vitest';
import { userEvent } from 'vitest/browser';
import { render } from 'vitest-browser-react';
import type { Me } from '../../protocol/api/identity.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { type Answers, serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { JobEditorScreen } from './job-editor-screen.tsx';
import { sampleJob } from './sample-job.ts';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

const me = (may: Me['may'] = ['read', 'run', 'manage']): Me => ({
  user: { id: crypto.randomUUID(), name: 'ann', role: 'owner' },
  csrf: 'csrf',
  may,
  coordinator: {
    id: crypto.randomUUID(),
    version: '0.1.0',
    protocol: 1,
    publicKey: 'A'.repeat(43),
    embedded: true,
    url: 'http://127.0.0.1:4440',
    time: '2026-11-23T20:15:00.000Z',
  },
});

function open(answers: Answers = {}, may?: Me['may']) {
  server = serveInPage({
    me: () => me(may),
    listJobs: () => ({ items: [], next: null, total: 0 }),
    listRunners: () => ({ items: [], next: null, total: 0 }),
    listTags: () => ({ linux: 1 }),
    createJob: () => sampleJob(),
    ...answers,
  });
  return render(
    testPage(
      <main>
        <JobEditorScreen />
      </main>,
      { path: '/projects/$project/jobs/new', at: '/projects/Welcome/jobs/new' },
    ),
  );
}
const sent = () => server.asked.filter(([name]) => name === 'createJob').map(([, { body }]) => body);

describe('the editor of a new job', () => {
  test('says what is missing where it is missing, marks the tabs, and sends nothing', async () => {
    const screen = await open();
    await screen.getByRole('button', { name: 'Create job' }).click();
    await expect.element(screen.getByText('Name is required.')).toBeVisible();
    await expect.element(screen.getByRole('tab', { name: 'Workflow has errors' })).toBeVisible();
    await screen.getByRole('tab', { name: 'Workflow has errors' }).click();
    await expect.element(screen.getByText('Command is required.')).toBeVisible();
    expect(sent()).toEqual([]);
    const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
  });

  test('Ctrl+S saves, with the tag that is still being typed', async () => {
    const screen = await open();
    await screen.getByRole('textbox', { name: 'Name' }).fill('Disk usage');
    await screen.getByRole('tab', { name: 'Workflow' }).click();
    await screen.getByRole('textbox', { name: 'Command' }).fill('df -h');
    await screen.getByRole('tab', { name: 'Runners' }).click();
    await screen.getByRole('radio', { name: 'By tags' }).click();
    await screen.getByRole('combobox', { name: 'Runner tags' }).click();
    await userEvent.keyboard('linux,we');
    await userEvent.keyboard('{Control>}s{/Control}');
    await expect.poll(() => sent()).toHaveLength(1);
    expect(sent()[0]).toMatchObject({
      name: 'Disk usage',
      runnerTags: ['linux', 'we'],
      workflow: { steps: [{ type: 'command', command: 'df -h' }] },
    });
  });

  test('what the coordinator refuses is shown at its field, on its tab', async () => {
    const screen = await open({
      createJob: () => {
        throw new OutrunnerError('name-taken', {
          detail: 'The group has a job of this name.',
          fields: [{ path: 'name', message: 'Another job of this group has this name.' }],
        });
      },
    });
    await screen.getByRole('textbox', { name: 'Name' }).fill('Disk usage');
    await screen.getByRole('tab', { name: 'Workflow' }).click();
    await screen.getByRole('textbox', { name: 'Command' }).fill('df -h');
    await screen.getByRole('button', { name: 'Create job' }).click();
    await expect.element(screen.getByText('Another job of this group has this name.')).toBeVisible();
    await expect.element(screen.getByRole('textbox', { name: 'Name' })).toHaveValue('Disk usage');
  });

  test('leaving with unsaved changes asks first', async () => {
    const screen = await open();
    await screen.getByRole('textbox', { name: 'Name' }).fill('Half done');
    await screen.getByRole('button', { name: 'Cancel' }).click();
    await expect.element(screen.getByText('Leave without saving?')).toBeVisible();
    // By the element: without a portal, as in tests, the dialog may stand below the window.
    ((await screen.getByRole('dialog').getByRole('button', { name: 'Cancel' }).findElement()) as HTMLElement).click();
    await expect.element(screen.getByRole('textbox', { name: 'Name' })).toHaveValue('Half done');
    await screen.getByRole('button', { name: 'Cancel' }).click();
    ((await screen.getByRole('button', { name: 'Leave' }).findElement()) as HTMLElement).click();
    await expect.element(screen.getByText('elsewhere')).toBeVisible();
  });

  test('is not for somebody who may not manage', async () => {
    const screen = await open({}, ['read', 'run']);
    await expect.element(screen.getByText('You may not see this')).toBeVisible();
  });
});
