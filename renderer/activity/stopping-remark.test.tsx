import { afterEach, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import { sampleReplica, sampleRunner } from '../runners/sample-runner.ts';
import { serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { sampleExecution } from './sample-execution.ts';
import { StoppingRemark } from './stopping-remark.tsx';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

function open(askedSecondsAgo: number, connected: boolean) {
  const replica = sampleReplica({ hostname: 'db-west-1', connected });
  const runner = sampleRunner({ replicas: [replica] });
  server = serveInPage({ getRunner: () => runner });
  const execution = sampleExecution({
    state: 'stopping',
    runner: { id: runner.id, name: runner.name },
    replica: { id: replica.id, hostname: replica.hostname },
    graceSeconds: 60,
    cancelAskedAt: new Date(Date.now() - askedSecondsAgo * 1000).toISOString(),
  });
  return render(testPage(<StoppingRemark execution={execution} />));
}

test('a stop that is under way says since when, and when force begins', async () => {
  const screen = await open(10, true);
  await expect.element(screen.getByRole('alert').getByText(/Asked for 1\d s ago/)).toBeVisible();
  await expect.element(screen.getByText(/in [45]\d s they are ended by force/)).toBeVisible();
});

test('when the grace is over, it says that force is used', async () => {
  const screen = await open(61, true);
  await expect.element(screen.getByText(/are being ended by force/)).toBeVisible();
});

test('an agent that is away has not heard of it, and that is said', async () => {
  const screen = await open(61, false);
  await expect.element(screen.getByText(/agent on db-west-1 is not connected/)).toBeVisible();
  expect(screen.getByText(/ended by force/).elements()).toEqual([]);
});
