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

const NEW = { path: '/projects/$project/jobs/new', at: '/projects/Welcome/jobs/new' };

function open(answers: Answers = {}, may?: Me['may'], place = NEW) {
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
      place,
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

describe('the tab with priority and limits', () => {
  test('sends the size in bytes, the lines, what happens then, and a priority below nothing', async () => {
    const screen = await open();
    await screen.getByRole('textbox', { name: 'Name' }).fill('Disk usage');
    await screen.getByRole('tab', { name: 'Workflow' }).click();
    await screen.getByRole('textbox', { name: 'Command' }).fill('df -h');
    await screen.getByRole('tab', { name: 'Other' }).click();
    await expect.element(screen.getByText('When it is reached')).not.toBeInTheDocument();
    await screen.getByRole('textbox', { name: 'Priority' }).click();
    await userEvent.keyboard('{Control>}a{/Control}-20');
    await screen.getByRole('textbox', { name: 'Size' }).click();
    await userEvent.keyboard('1.5');
    await screen.getByRole('combobox', { name: 'Unit of size' }).selectOptions('GB');
    await screen.getByRole('textbox', { name: 'Lines' }).fill('100000');
    await screen.getByRole('radio', { name: 'Stop and fail' }).click();
    const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
    await screen.getByRole('button', { name: 'Create job' }).click();
    await expect.poll(() => sent()).toHaveLength(1);
    expect(sent()[0]).toMatchObject({
      priority: -20,
      outputLimit: { bytes: 1_500_000_000, lines: 100_000, action: 'stop' },
    });
  });

  test('a limit that is too large is said at its field, also when only the coordinator knows it', async () => {
    const screen = await open({
      createJob: () => {
        throw new OutrunnerError('invalid-input', {
          fields: [{ path: 'outputLimit.lines', message: 'This coordinator stores at most 5 lines.' }],
        });
      },
    });
    await screen.getByRole('textbox', { name: 'Name' }).fill('Disk usage');
    await screen.getByRole('tab', { name: 'Workflow' }).click();
    await screen.getByRole('textbox', { name: 'Command' }).fill('df -h');
    await screen.getByRole('tab', { name: 'Other' }).click();
    await screen.getByRole('combobox', { name: 'Unit of size' }).selectOptions('GB');
    await screen.getByRole('textbox', { name: 'Size' }).fill('1001');
    await screen.getByRole('textbox', { name: 'Priority' }).fill('101');
    await screen.getByRole('button', { name: 'Create job' }).click();
    await expect.element(screen.getByText('Output limit is at most 1 TB.')).toBeVisible();
    await expect.element(screen.getByText('Priority is at most 100.')).toBeVisible();
    // The first of them has the focus, and so is in sight.
    await expect.element(screen.getByRole('textbox', { name: 'Priority' })).toHaveFocus();
    await screen.getByRole('textbox', { name: 'Size' }).fill('');
    await screen.getByRole('textbox', { name: 'Priority' }).fill('100');
    await screen.getByRole('button', { name: 'Create job' }).click();
    await expect.element(screen.getByText('This coordinator stores at most 5 lines.')).toBeVisible();
  });
});

describe('the editor of a job that somebody else saves meanwhile', () => {
  const mine = sampleJob({ version: 3 });
  const theirs = { ...mine, version: 4, graceSeconds: 77, description: 'Theirs.' };
  const place = { path: '/projects/$project/jobs/$id/edit', at: `/projects/welcome/jobs/${mine.id}/edit` };
  const saves = () => server.asked.filter(([name]) => name === 'replaceJob').map(([, asked]) => asked);

  async function clash() {
    let now = mine;
    const screen = await open(
      {
        getJob: () => now,
        replaceJob: ({ ifMatch }) => {
          if (ifMatch === `"${now.version}"`) return { ...now, version: now.version + 1 };
          throw new OutrunnerError('precondition-failed');
        },
      },
      undefined,
      place,
    );
    await screen.getByRole('textbox', { name: 'Description' }).fill('Mine.');
    now = theirs;
    await screen.getByRole('button', { name: 'Save' }).click();
    const alert = screen.getByRole('alert').filter({ hasText: 'Not saved' });
    await expect.element(alert).toHaveFocus();
    await expect.element(alert.getByText(/Version 4 was saved .*Changed there: Description, Grace\./)).toBeVisible();
    await expect.element(screen.getByRole('textbox', { name: 'Description' })).toHaveValue('Mine.');
    return screen;
  }

  test('is told what changed, keeps what was typed, and can overwrite that version and no later one', async () => {
    const screen = await clash();
    const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
    await screen.getByRole('button', { name: 'Overwrite it with mine' }).click();
    await expect.poll(() => saves().map(({ ifMatch }) => ifMatch)).toEqual(['"3"', '"4"']);
    expect(saves()[1]?.body).toMatchObject({ description: 'Mine.', graceSeconds: mine.graceSeconds });
    await expect.element(screen.getByText('elsewhere')).toBeVisible();
  });

  test('can load the newer one, and take back what was typed', async () => {
    const screen = await clash();
    await screen.getByRole('button', { name: 'Load version 4' }).click();
    await expect.element(screen.getByRole('textbox', { name: 'Description' })).toHaveValue('Theirs.');
    await screen.getByRole('button', { name: 'Bring mine back' }).click();
    await expect.element(screen.getByRole('textbox', { name: 'Description' })).toHaveValue('Mine.');
    await screen.getByRole('button', { name: 'Save' }).click();
    await expect.poll(() => saves().map(({ ifMatch }) => ifMatch)).toEqual(['"3"', '"4"']);
  });
});
