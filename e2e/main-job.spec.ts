import { mainJob } from './main-job.ts';
import { expect, test } from './support/test.ts';

test('an administrator creates a Runner, downloads it, starts it, sees the green check mark and runs a job with live output', async ({
  page,
  coordinator,
  work,
}) => {
  const { program } = await mainJob({ page, signInLink: await coordinator.signInLink(), work });

  // The agent was stopped: Down at once, because it said good-bye.
  await program.stop('SIGTERM');
  const { items } = await coordinator.api.call('listRunners', {});
  expect(items).toMatchObject([
    { name: 'db-west-1', status: 'Down', statusReason: 'The agent was stopped and said good-bye.' },
  ]);
});
