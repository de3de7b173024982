import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { look } from './support/look.ts';
import { expect, test } from './support/test.ts';
import { wizardTo } from './support/wizard-to.ts';

/** The third step of the wizard: how a Runner gets to its host. */

test('download, one line, container and Kubernetes can be read by everyone', async ({ page, coordinator }) => {
  test.setTimeout(240_000);
  await wizardTo(page, coordinator, 'db-west-1');
  await look(page, 'install-download', 'light');
  await page.getByText('.deb (Debian').click();
  await expect(page.getByText(/sudo apt install .*db-west-1-linux-x64\.deb/)).toBeVisible();
  await page.getByRole('tab', { name: 'One line' }).click();
  await expect(page.getByText(/curl -sSL http.*ore_/)).toBeVisible();
  await page.getByRole('button', { name: /Proxy and certificates/ }).click();
  await page.getByLabel('Proxy', { exact: true }).fill('proxy:3128');
  await expect(page.getByText('Write it like')).toBeVisible();
  await page.getByLabel('Proxy', { exact: true }).fill('http://proxy:3128');
  await page.getByLabel('For one user').click();
  const line = page.getByText('| sh -s -- --user --proxy http://proxy:3128');
  await line.scrollIntoViewIfNeeded();
  await look(page, 'install-line', 'light');

  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 1024, height: 700 });
  await line.scrollIntoViewIfNeeded();
  await look(page, 'install-line', 'dark-small');
  await page.getByRole('tab', { name: 'Container' }).click();
  await expect(page.getByText('FROM debian')).toBeVisible();
  await look(page, 'install-container', 'dark-small');
  await page.getByRole('tab', { name: 'Kubernetes' }).click();
  await expect(page.getByText('kind: Deployment')).toContainText('"proxy": "http://proxy:3128"');
  await look(page, 'install-kubernetes', 'dark-small');
  await page.getByRole('radio', { name: /macOS Intel/ }).click();
  await expect(page.getByText('macOS Intel is not built on this coordinator')).toBeVisible();
  await look(page, 'install-not-built', 'dark-small');
});

test('the line from the console brings a Runner to its green check mark', async ({ page, coordinator, work }) => {
  test.skip(
    process.platform !== 'linux' || process.arch !== 'x64',
    'the executable that is built here is for Linux x64',
  );
  await wizardTo(page, coordinator, 'by one line');
  await page.getByRole('tab', { name: 'One line' }).click();
  await page.getByLabel('In the foreground').click();
  const line = await page.getByText(/^curl -sSL .*--foreground$/).innerText();
  const folder = path.join(work, 'host');
  await mkdir(folder);
  const agent = spawn('sh', ['-c', line], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let said = '';
  agent.stdout.on('data', (chunk) => (said += String(chunk)));
  agent.stderr.on('data', (chunk) => (said += String(chunk)));
  try {
    await expect(page.getByText(/and takes work/), said).toBeVisible({ timeout: 30_000 });
    expect(said).toContain('SHA-256 and signature are right');
    // The token that was in the line is spent now, and the line says so.
    const again = spawn('sh', ['-c', line], { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
    let why = '';
    again.stderr.on('data', (chunk) => (why += String(chunk)));
    const [code] = await once(again, 'close');
    expect([code, why]).toEqual([1, expect.stringContaining('already used')]);
  } finally {
    const ended = once(agent, 'close');
    if (agent.pid !== undefined) process.kill(-agent.pid, 'SIGTERM');
    await ended;
  }
});
