import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import { endAgents, healthyWith, installHost, type LaunchedHost } from './support/launched-host.ts';
import { look, lookTwice } from './support/look.ts';
import { makeVersion, publish } from './support/releases.ts';
import { expect, test } from './support/test.ts';

const hosts: LaunchedHost[] = [];
test.afterEach(async () => {
  for (const { folder } of hosts.splice(0)) await endAgents(folder.path);
});

async function openUpgrade(page: Page, coordinator: CoordinatorProcess, runner: string): Promise<void> {
  await page.goto(`${coordinator.url}/runners`);
  await page.getByRole('button', { name: `Actions of ${runner}` }).click();
  await page.getByRole('menuitem', { name: 'Upgrade…' }).click();
  await expect(page.getByRole('dialog', { name: `Upgrade ${runner}` })).toBeVisible();
}

test('agents are upgraded from the console: outdated is seen, ordered, waited for, checked in; a bad version pauses the rest', async ({
  page,
  work,
}) => {
  test.setTimeout(240_000);
  const agents = path.join(work, 'agents');
  const made = path.join(work, 'made');
  const first = { path: await makeVersion(made, '0.1.1'), version: '0.1.1' };
  await publish(agents, '0.2.0', await makeVersion(made, '0.2.0'));
  const coordinator = await startCoordinator({
    dataDir: path.join(work, 'coordinator'),
    args: ['--agents-dir', agents],
  });
  const { api } = coordinator;
  for (const name of ['db-west-1', 'web-1', 'web-2']) {
    const host = await installHost(coordinator, path.join(work, name), first, {
      name,
      tags: [name],
      description: 'A host whose agent is started by a launcher',
    });
    hosts.push(host);
    host.start();
  }
  for (const { runner } of hosts) await healthyWith(api, runner, '0.1.1');
  const go = path.join(work, 'go');
  const job = await api.call('runAdHoc', {
    params: { project: 'Welcome' },
    body: { command: `while [ ! -e ${go} ]; do sleep 0.05; done`, runnerTags: ['db-west-1'] },
  });
  await expect.poll(async () => (await api.call('getExecution', { params: { id: job.id } })).state).toBe('running');
  await page.goto(await coordinator.signInLink());
  await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();

  await page.goto(`${coordinator.url}/upgrades`);
  await expect(page.getByText('No upgrade yet')).toBeVisible();
  await lookTwice(page, 'upgrades-empty');

  await test.step('one: the list says outdated, the dialog from where to where, and it waits for what runs', async () => {
    await openUpgrade(page, coordinator, 'db-west-1');
    const row = page.getByRole('row', { name: /db-west-1/, includeHidden: true });
    await expect(row).toContainText('0.1.1outdated');
    const dialog = page.getByRole('dialog');
    await expect(dialog.getByText('1 replica: from 0.1.1 to 0.2.0.')).toBeVisible();
    await lookTwice(page, 'upgrade-dialog');
    await dialog.getByRole('button', { name: 'Upgrade' }).click();
    await expect(page.getByRole('heading', { name: 'Upgrade to 0.2.0' })).toBeVisible();
    await expect(page.getByText('Waiting for running work').first()).toBeVisible();
    await lookTwice(page, 'upgrade-running');
  });

  const upgradeAddress = new URL(page.url()).pathname;
  await test.step('it is seen from the list and from the page of the Runner', async () => {
    await page.goto(`${coordinator.url}/runners`);
    await expect(page.getByText(/is under way/).first()).toBeVisible();
    await look(page, 'runners-outdated', 'light');
    await lookTwice(page, 'runners-outdated');
    const path = `/runners/${hosts[0]?.runner}`;
    await page.goto(`${coordinator.url}${path}`);
    await expect(page.getByText(/waiting for running work/).first()).toBeVisible();
    await look(page, 'runner-upgrading', 'light');
    await page.getByRole('link', { name: 'Show upgrade' }).click();
    await expect(page).toHaveURL(new RegExp(`${upgradeAddress}$`));
  });

  await test.step('paused and resumed; when the work is done it switches and checks in', async () => {
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect(page.getByText(/Paused: .* paused it\./)).toBeVisible();
    await lookTwice(page, 'upgrade-paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect(page.getByText('Running', { exact: true })).toBeVisible();
    await writeFile(go, '');
    await expect(page.getByRole('row', { name: /db-west-1/ }).getByText('Checked in')).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText('Finished', { exact: true })).toBeVisible();
    await lookTwice(page, 'upgrade-finished');
    await page.getByRole('link', { name: 'db-west-1' }).click();
    await expect(page.getByText('current', { exact: true })).toBeVisible();
    await expect(page.getByText('development build', { exact: true })).toBeVisible();
  });

  await test.step('many, carefully: the first fails, the rest is not touched, and the reason is in plain sight', async () => {
    await publish(agents, '0.3.0', await makeVersion(made, '0.3.0', 'crashes'));
    await page.goto(`${coordinator.url}/runners?versionState=outdated`);
    await page.getByRole('button', { name: 'Upgrade all 3 outdated…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('radio', { name: /Careful/ }).check();
    await expect(dialog.getByText('Ring 1: 1 replica · Ring 2: 1 replica · Ring 3: 1 replica')).toBeVisible();
    await lookTwice(page, 'upgrade-dialog-many');
    await dialog.getByRole('button', { name: 'Upgrade 3 replicas' }).click();
    await expect(page.getByText(/^Paused: 1 of 1 in ring 1 failed/)).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText(/ended with exit code 3 before it had checked in/).first()).toBeVisible();
    await lookTwice(page, 'upgrade-failed');
    await page.getByRole('button', { name: 'Cancel upgrade' }).click();
    await look(page, 'upgrade-cancel', 'light');
    await page.getByRole('dialog').getByRole('button', { name: 'End the upgrade' }).click();
    await expect(page.getByText('Cancelled', { exact: true }).first()).toBeVisible();
    await lookTwice(page, 'upgrade-cancelled');
  });

  await page.goto(`${coordinator.url}/upgrades`);
  await expect(page.getByText('0.3.0').first()).toBeVisible();
  await look(page, 'upgrades', 'light');
  await lookTwice(page, 'upgrades');
  await coordinator.stop();
});
