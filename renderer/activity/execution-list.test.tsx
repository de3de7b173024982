import { afterEach, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import { serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { ExecutionList } from './execution-list.tsx';
import { sampleExecution } from './sample-execution.ts';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

test('what could not be stopped is told apart from what was stopped, by word, shape and colour', async () => {
  const reason = 'ann asked to stop it. Could not stop: 4711 (sleep 1000).';
  const items = [
    sampleExecution({ title: 'Stopped well', state: 'aborted' }),
    sampleExecution({ title: 'Left over', state: 'aborted', survivorCount: 2, reason }),
    sampleExecution({ title: 'Too long', state: 'timedout', survivorCount: 1 }),
  ];
  server = serveInPage({ listExecutions: () => ({ items, next: null, total: 3 }) });
  const screen = await render(testPage(<ExecutionList filter={{}} label="Executions" empty={null} />));
  const mark = async (title: string) => {
    const row = screen.getByRole('row').filter({ hasText: title });
    return (await row.findElement()).querySelector('[data-state]') as HTMLElement;
  };
  const [stopped, leftOver, tooLong] = [await mark('Stopped well'), await mark('Left over'), await mark('Too long')];
  expect([stopped, leftOver, tooLong].map((one) => one.textContent)).toEqual([
    'Stopped',
    'Could not stop',
    'Could not stop',
  ]);
  expect(leftOver.dataset.state).toBe('aborted');
  expect(getComputedStyle(leftOver).color).not.toBe(getComputedStyle(stopped).color);
  expect(leftOver.querySelector('svg')?.innerHTML).not.toBe(stopped.querySelector('svg')?.innerHTML);
});
