import axe from 'axe-core';
import { afterEach, describe, expect, test } from 'vitest';
import { userEvent } from 'vitest/browser';
import { render } from 'vitest-browser-react';
import { sampleExecution } from '../activity/sample-execution.ts';
import { type Answers, serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { testPerson } from '../ui/test-person.ts';
import { CommandsScreen } from './commands-screen.tsx';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

const queued = sampleExecution({ kind: 'command', job: null, title: 'uptime', options: {} });
const before = sampleExecution({
  kind: 'script',
  job: null,
  title: 'print(1)',
  state: 'succeeded',
  runnerTags: ['db'],
  workflow: {
    keepGoing: false,
    timeoutSeconds: 0,
    steps: [{ type: 'script', script: 'print(1)\n', label: '', interpreter: 'python3', arguments: [] }],
  },
});

function open(answers: Answers = {}) {
  server = serveInPage({
    me: () => testPerson(),
    listRunners: () => ({ items: [], next: null, total: 0 }),
    listTags: () => ({ linux: 1 }),
    listExecutions: ({ query }) => {
      const items = query.kind === 'ad-hoc' ? [before] : [before, sampleExecution({ title: 'A job' })];
      return { items, next: null, total: items.length };
    },
    getExecution: ({ params }) => (params.id === before.id ? before : queued),
    getWaiting: () => ({ waiting: true, since: null, deadline: null, ahead: 0, summary: 'It waits.', runners: [] }),
    runAdHoc: () => queued,
    ...answers,
  });
  return render(
    testPage(
      <main>
        <CommandsScreen />
      </main>,
      { path: '/projects/$project/commands', at: '/projects/Welcome/commands' },
    ),
  );
}
const USUAL = { priority: 0, outputLimit: { bytes: 0, lines: 0, action: 'truncate' } };
const sent = () => server.asked.filter(([name]) => name === 'runAdHoc').map(([, { body }]) => body);

describe('ad hoc commands', () => {
  test('Ctrl+Return runs, on the Runners with the tags, and the result is shown below', async () => {
    const screen = await open();
    await screen.getByRole('combobox', { name: 'Runner tags' }).click();
    await userEvent.keyboard('linux ');
    await screen.getByRole('textbox', { name: 'Command' }).fill('uptime');
    await userEvent.keyboard('{Control>}{Enter}{/Control}');
    await expect
      .poll(sent)
      .toEqual([{ command: 'uptime', interpreter: '', runnerTags: ['linux'], timeoutSeconds: 0, ...USUAL }]);
    await expect.element(screen.getByText('It waits.')).toBeVisible();
  });

  test('priority and output limit are folded away; folded, what is set is said', async () => {
    const screen = await open();
    await screen.getByRole('textbox', { name: 'Command' }).fill('yes');
    const fold = screen.getByRole('button', { name: 'Advanced' });
    await expect.element(screen.getByRole('textbox', { name: 'Priority' })).not.toBeInTheDocument();
    await fold.click();
    await screen.getByRole('textbox', { name: 'Priority' }).fill('50');
    await screen.getByRole('textbox', { name: 'Lines' }).fill('1000');
    await fold.click();
    await expect.element(screen.getByText('priority 50 · at most 1,000 lines, then it is cut')).toBeVisible();
    await screen.getByRole('button', { name: 'Run', exact: true }).click();
    await expect
      .poll(sent)
      .toMatchObject([{ priority: 50, outputLimit: { bytes: 0, lines: 1000, action: 'truncate' } }]);
  });

  test('nothing is sent while there is nothing to run', async () => {
    const screen = await open();
    await screen.getByRole('button', { name: 'Run', exact: true }).click();
    await expect.element(screen.getByText('There is nothing to run.')).toBeVisible();
    expect(sent()).toEqual([]);
  });

  test('a command of before is picked, with its script, interpreter and tags; jobs are not among them', async () => {
    const screen = await open();
    await expect.element(screen.getByText('A job')).not.toBeInTheDocument();
    await screen.getByRole('button', { name: /print\(1\)/ }).click();
    await expect.element(screen.getByRole('combobox', { name: 'Interpreter' })).toHaveValue('python3');
    await expect.element(screen.getByRole('textbox', { name: /Script/ })).toHaveTextContent('print(1)');
    await screen.getByRole('button', { name: 'Run', exact: true }).click();
    await expect
      .poll(sent)
      .toEqual([{ script: 'print(1)\n', interpreter: 'python3', runnerTags: ['db'], timeoutSeconds: 0, ...USUAL }]);
  });

  test('axe finds nothing', async () => {
    const screen = await open();
    await expect.element(screen.getByRole('heading', { name: 'Recent commands' })).toBeVisible();
    const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
  });
});
