import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import type { RunningProgram } from '../bench/harness/process.ts';
import { startPackage, unpack } from './support/package.ts';

/** Where the story takes place. */
export interface Scene {
  page: Page;
  signInLink: string;
  work: string;
  /** In front of the command that starts the agent: the host that it lives on. */
  wrap?: readonly string[];
}

/** What is left on the stage when the story has ended well. */
export interface Ending {
  program: RunningProgram;
  folder: string;
}

/**
 * The main job, as a user lives it: an administrator creates a Runner, downloads it, starts it on its host, sees the green
 * check mark, and runs a job on it with live output.
 */
export async function mainJob({ page, signInLink, work, wrap = [] }: Scene): Promise<Ending> {
  await page.goto(signInLink);

  await test.step('gear → Runner Management → Create Runner', async () => {
    await page.getByRole('button', { name: 'System menu' }).click();
    await page.getByRole('menuitem', { name: 'Runner Management' }).click();
    await expect(page.getByRole('heading', { name: 'Runner Management' })).toBeVisible();
    await page.getByRole('button', { name: 'Create Runner' }).first().click();
  });

  await test.step('details, with tags', async () => {
    await page.getByRole('textbox', { name: 'Name' }).fill('db-west-1');
    await page.getByRole('textbox', { name: 'Description' }).fill('Reaches the databases in the western data centre');
    await page.getByRole('combobox', { name: 'Tags' }).pressSequentially('Linux,db ');
    await page.getByRole('button', { name: 'Next' }).click();
  });

  await test.step('assign Welcome by searching', async () => {
    await page.getByRole('searchbox', { name: 'Search projects' }).fill('welc');
    await page.getByRole('switch', { name: /Welcome/ }).check();
    await expect(page.getByText('1 assigned')).toBeVisible();
    await page.getByRole('button', { name: 'Next' }).click();
  });

  await expect(page.getByText('Your Runner has been successfully established.')).toBeVisible();
  const next = page.getByRole('region', { name: 'What happens next' });
  await expect(next).toContainText('Waiting for first check-in');

  const archive = path.join(work, 'download.tar.gz');
  await test.step('download: a real file, checked', async () => {
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download for Linux x64' }).click();
    await (await download).saveAs(archive);
    await expect(page.getByText('SHA-256 and signature verified')).toBeVisible();
    const sha256 = createHash('sha256')
      .update(await readFile(archive))
      .digest('hex');
    await expect(page.getByText(`SHA-256 ${sha256.slice(0, 16)}…`)).toBeVisible();
  });

  let program: RunningProgram | undefined;
  const folder = await unpack(archive, path.join(work, 'host'));
  expect((await stat(path.join(folder, 'runner.json'))).mode & 0o777).toBe(0o600);

  await test.step('start it: the wizard itself shows enrolled, then the green check within 5 s', async () => {
    program = startPackage(folder, wrap);
    await expect(next).toContainText(/Enrolled from \S+/, { timeout: 5_000 });
    await expect(next).toContainText('Healthy: ready for work', { timeout: 5_000 });
    await page.getByRole('button', { name: 'Close and Complete' }).click();
  });

  await test.step('the list shows it', async () => {
    const row = page.getByRole('row', { name: /db-west-1/ });
    await expect(row.getByRole('img', { name: 'Healthy' })).toBeVisible();
    await expect(row).toContainText('Linux');
  });

  await test.step('run a Welcome job: output appears while it runs, then it has succeeded', async () => {
    await page.getByRole('button', { name: 'Choose a project' }).click();
    await page.getByRole('option', { name: /Welcome/ }).click();
    await page.getByRole('link', { name: 'Jobs' }).click();
    await page.getByRole('link', { name: /slow job/i }).click();
    await page.getByRole('button', { name: 'Run Job Now' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Run Job Now' }).click();
    const log = page.getByRole('log');
    await expect(page.getByRole('img', { name: 'Running' }).first()).toBeVisible();
    await expect(log).toContainText('part 1 of 10 done');
    await expect(page.getByRole('img', { name: 'Running' }).first(), 'output is there before the end').toBeVisible();
    await expect(page.getByRole('img', { name: 'Succeeded' }).first()).toBeVisible({ timeout: 30_000 });
    await expect(log).toContainText('All done. This line went to standard output,');
    await expect(log).toContainText('and this one to standard error.');
  });

  if (program === undefined) throw new Error('The agent was not started.');
  return { program, folder };
}
