import path from 'node:path';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import { enrolSimulated, SimulatedAgent } from '../coordinator/testing/simulated-agent.ts';
import { writeSmallRelease } from '../coordinator/testing/small-release.ts';
import { PLATFORM_TARGETS } from '../protocol/enrolment.ts';
import { PRODUCT_VERSION, PROTOCOL_VERSION } from '../protocol/version.ts';
import { lookTwice } from './support/look.ts';
import { expect, test } from './support/test.ts';
import { wizardTo } from './support/wizard-to.ts';

/** What people see of versions and signatures that cannot be made on this machine: agents and releases of another time. */

test('an agent that is newer than the coordinator is told apart in the list and on its page', async ({
  page,
  coordinator,
}) => {
  test.setTimeout(240_000);
  const { api, url } = coordinator;
  const runner = { name: 'db-west-1', description: 'Replaced by hand', tags: ['linux'], projects: [] };
  const created = await api.call('createRunner', { body: runner });
  const { id } = created.runner;
  const identity = await enrolSimulated(url, id, created.enrolment.token);
  const agent = new SimulatedAgent(identity);
  await agent.connect();
  agent.kill();
  await agent.closed();
  const newer = new SimulatedAgent(identity, { protocol: PROTOCOL_VERSION + 1 });
  await expect(newer.connect()).rejects.toThrow('protocol-too-new');

  await page.goto(await coordinator.signInLink());
  await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();
  await page.goto(`${url}/runners?versionState=too-new`);
  await expect(page.getByRole('row', { name: /db-west-1/ })).toContainText('too new');
  await lookTwice(page, 'runners-too-new');
  await page.goto(`${url}/runners/${id}`);
  await expect(page.getByText('newer than this coordinator')).toBeVisible();
  await expect(page.getByText(/Upgrade the coordinator, or install the version of the agent/).first()).toBeVisible();
  await lookTwice(page, 'runner-too-new');
});

test('the wizard says what each system will find in the executable', async ({ page, work }) => {
  test.setTimeout(240_000);
  const agents = path.join(work, 'agents');
  await writeSmallRelease(agents, Buffer.alloc(3_000_000, 1), PLATFORM_TARGETS, PRODUCT_VERSION, {
    'linux-x64': { kind: 'none', signer: null },
    'win-x64': { kind: 'signed', signer: 'Example Ltd' },
    'macos-arm64': { kind: 'ad-hoc', signer: null },
    'macos-x64': { kind: 'ad-hoc', signer: null },
  });
  const coordinator = await startCoordinator({ dataDir: path.join(work, 'data'), args: ['--agents-dir', agents] });
  await wizardTo(page, coordinator, 'db-west-1');
  await page.getByRole('radio', { name: /Windows x64/ }).click();
  await expect(page.getByText('Authenticode: signed by Example Ltd.')).toBeVisible();
  await page.getByRole('radio', { name: /macOS Apple silicon/ }).click();
  await expect(page.getByText('Signed ad hoc, which names nobody.')).toBeVisible();
  await lookTwice(page, 'wizard-signatures');
  await page.goto(`${coordinator.url}/about`);
  await expect(page.getByText(/Authenticode: signed by Example Ltd/)).toBeVisible();
  await lookTwice(page, 'about-signatures');
  await coordinator.stop();
});
