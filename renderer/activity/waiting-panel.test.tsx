import axe from 'axe-core';
import { afterEach, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import type { Waiting } from '../../protocol/api/executions.ts';
import { serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { sampleExecution } from './sample-execution.ts';
import { WaitingPanel } from './waiting-panel.tsx';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

const TIME = '2026-11-23T20:15:00.000Z';
const of = (name: string, rule: Waiting['runners'][number]['rule'], detail: string) => ({
  runner: { id: crypto.randomUUID(), name },
  rule,
  detail,
});

function open(waiting: Partial<Waiting>) {
  const answer: Waiting = {
    waiting: true,
    since: TIME,
    deadline: '2099-01-01T00:00:00.000Z',
    ahead: 0,
    summary: 'None of the Runners of this project can take it now.',
    runners: [],
    ...waiting,
  };
  server = serveInPage({ getWaiting: () => answer });
  return render(
    testPage(
      <main>
        <h1>An execution</h1>
        <WaitingPanel execution={sampleExecution({ priority: -5 })} />
      </main>,
    ),
  );
}

test('says how many go before it, its priority and when it gives up; the nearest Runners stand first', async () => {
  const screen = await open({
    ahead: 3,
    runners: [
      of('a-other', 'project', 'Not assigned.'),
      of('b-full', 'capacity', 'It is full.'),
      of('c-free', null, ''),
    ],
  });
  await expect.element(screen.getByText('3 others: of a higher priority, or older')).toBeVisible();
  await expect.element(screen.getByText('-5')).toBeVisible();
  await expect.element(screen.getByText(/^in \d+ d$/)).toBeVisible();
  await expect.element(screen.getByText('Can take work now')).toBeVisible();
  const names = screen
    .getByRole('listitem')
    .elements()
    .map((item) => item.querySelector('a')?.textContent);
  expect(names).toEqual(['c-free', 'b-full', 'a-other']);
  const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
});

test('what a Runner has accepted waits there, and is not said to be up for anybody', async () => {
  const screen = await open({
    ahead: null,
    deadline: null,
    summary: 'db-1 has accepted it and starts it when a slot there is free.',
    runners: [of('db-1', null, 'It waits there for its turn.')],
  });
  await expect.element(screen.getByText('Has it', { exact: true })).toBeVisible();
  await expect.element(screen.getByText('It waits there for its turn.')).toBeVisible();
  await expect.element(screen.getByText('never: a Runner has it')).toBeVisible();
  expect(screen.getByText('Can take work now').elements()).toEqual([]);
});

test('of very many Runners the first are named, and the others when they are asked for', async () => {
  const runners = Array.from({ length: 40 }, (_, i) =>
    of(`r-${String(i).padStart(2, '0')}`, 'tags', 'It lacks the tag db.'),
  );
  const screen = await open({ runners });
  await expect.element(screen.getByText('r-11')).toBeVisible();
  expect(screen.getByText('r-12').elements()).toEqual([]);
  await screen.getByRole('button', { name: 'Show 28 more' }).click();
  await expect.element(screen.getByText('r-39')).toBeInTheDocument();
});
