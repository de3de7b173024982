import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runAgent } from '../bench/harness/agent.ts';
import type { CoordinatorProcess } from '../bench/harness/coordinator.ts';
import type { Runner } from '../protocol/api/runners.ts';
import { AGENT_EXIT, type RunnerConfig, RunnerConfigSchema } from '../protocol/enrolment.ts';
import { expect, test } from './support/test.ts';

/** Writes the configuration that a Runner's package would hold. */
async function writeConfig(
  coordinator: CoordinatorProcess,
  folder: string,
  runner: Pick<Runner, 'id' | 'name'>,
  enrolment: { token: string; expiresAt: string },
): Promise<RunnerConfig> {
  const config = RunnerConfigSchema.parse({
    version: 1,
    coordinator: { url: coordinator.url, publicKey: await coordinator.publicKey() },
    runner: { id: runner.id, name: runner.name },
    enrolment,
  });
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'runner.json'), JSON.stringify(config), { mode: 0o600 });
  return config;
}

/** Creates a Runner and writes its configuration. */
async function configured(coordinator: CoordinatorProcess, folder: string, name: string) {
  const { runner, enrolment } = await coordinator.api.call('createRunner', {
    body: { name, description: 'for a test', tags: ['t'] },
  });
  return { runner, config: await writeConfig(coordinator, folder, runner, enrolment) };
}

/** The one line that the agent says when it gives up. */
const lastLine = (output: string) => output.trimEnd().split('\n').at(-1) ?? '';

test('a token that was used is refused: one line, a documented exit code, and the wizard names the cause', async ({
  coordinator,
  work,
  page,
}) => {
  await page.goto(await coordinator.signInLink());
  await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();
  await page.goto(`${coordinator.url}/runners/new`);
  await page.getByRole('textbox', { name: 'Name' }).fill('twice');
  await page.getByRole('textbox', { name: 'Description' }).fill('its package is started on two hosts');
  await page.getByRole('combobox', { name: 'Tags' }).fill('t,');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Next' }).click();
  const next = page.getByRole('region', { name: 'What happens next' });
  await expect(next).toContainText('Waiting for first check-in');

  const { items } = await coordinator.api.call('listRunners', {});
  const runner = items[0];
  if (runner === undefined) throw new Error('The wizard made no Runner.');
  const enrolment = await coordinator.api.call('createEnrolment', { params: { id: runner.id }, body: {} });
  await writeConfig(coordinator, path.join(work, 'one'), runner, enrolment);
  await cp(path.join(work, 'one'), path.join(work, 'two'), { recursive: true });
  const first = runAgent(path.join(work, 'one'));
  await expect(next).toContainText('Healthy: ready for work');

  const second = runAgent(path.join(work, 'two'));
  expect((await second.ended).code).toBe(AGENT_EXIT.enrolmentRefused);
  expect(lastLine(second.output())).toContain('already used');
  await expect(next).toContainText('The coordinator turned somebody away');
  await expect(next).toContainText('already used');
  const { refusals } = await coordinator.api.call('getRunner', { params: { id: runner.id } });
  expect(refusals[0]).toMatchObject({ code: 'enrolment-token-used', address: '127.0.0.1' });
  await first.stop();
});

test('a token of another Runner is refused', async ({ coordinator, work }) => {
  const one = await configured(coordinator, path.join(work, 'one'), 'one');
  const two = await configured(coordinator, path.join(work, 'two'), 'two');
  await writeFile(
    path.join(work, 'two', 'runner.json'),
    JSON.stringify({ ...two.config, enrolment: one.config.enrolment }),
  );
  const agent = runAgent(path.join(work, 'two'));
  expect((await agent.ended).code).toBe(AGENT_EXIT.enrolmentRefused);
  expect(lastLine(agent.output())).toContain('another Runner');
});

test('regenerated credentials cut the old agent off, which says so once and ends', async ({ coordinator, work }) => {
  const { runner } = await configured(coordinator, path.join(work, 'one'), 'old');
  const live = await coordinator.api.live();
  const agent = runAgent(path.join(work, 'one'));
  await live.until(
    (event) => event.topic === 'runner' && event.action !== 'deleted' && event.runner.status === 'Healthy',
  );
  await coordinator.api.call('createEnrolment', { params: { id: runner.id }, body: { revoke: true } });
  expect((await agent.ended).code).toBe(AGENT_EXIT.identityRefused);
  expect(lastLine(agent.output())).toContain('revoked');
  const again = runAgent(path.join(work, 'one'));
  expect((await again.ended).code).toBe(AGENT_EXIT.identityRefused);
  live.close();
});

test('an agent that reaches another coordinator than its own refuses it', async ({ coordinator, work }) => {
  const { config } = await configured(coordinator, path.join(work, 'one'), 'stranger');
  const wrongKey = 'A'.repeat(43);
  await writeFile(
    path.join(work, 'one', 'runner.json'),
    JSON.stringify({ ...config, coordinator: { ...config.coordinator, publicKey: wrongKey } }),
  );
  const agent = runAgent(path.join(work, 'one'));
  expect((await agent.ended).code).toBe(AGENT_EXIT.coordinatorNotTrusted);
});

test('after enrolment the token is gone from the host, and the keys are for its user alone', async ({
  coordinator,
  work,
}) => {
  await configured(coordinator, path.join(work, 'one'), 'clean');
  const live = await coordinator.api.live();
  const agent = runAgent(path.join(work, 'one'));
  await live.until(
    (event) => event.topic === 'runner' && event.action !== 'deleted' && event.runner.status === 'Healthy',
  );
  expect(await readFile(path.join(work, 'one', 'runner.json'), 'utf8')).not.toContain('ore_');
  await agent.stop();
  await rm(path.join(work, 'one'), { recursive: true });
  live.close();
});
