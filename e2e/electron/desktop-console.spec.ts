import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test as base, expect, type Page } from '@playwright/test';
import {
  coordinatorOf,
  ELECTRON,
  ELECTRON_REQUIRED,
  openInElectron,
  openOnStandIn,
  type ShellUnderTest,
} from './shell-under-test.ts';

/**
 * The desktop console as a person has it: the built shell, the built page, a real coordinator that the shell starts itself.
 * Once on the stand-in of Electron, everywhere; once in the real Electron, where its runtime is installed.
 */
const CARRIERS = { 'the stand-in of Electron': openOnStandIn, 'the real Electron': openInElectron } as const;

for (const [carrier, open] of Object.entries(CARRIERS)) {
  const test = base.extend<{ shell: ShellUnderTest; work: string }>({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed from this pattern
    work: async ({}, use) => {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'outrunner-desktop-'));
      await use(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
    shell: async ({ work, browser }, use) => {
      const shell = await open({ work, browser });
      await use(shell);
      await shell.quit();
    },
  });

  test.describe(`the desktop console on ${carrier}`, () => {
    const isReal = open === openInElectron;
    test.skip(isReal && ELECTRON === null && !ELECTRON_REQUIRED, 'Electron binary not installed');

    test('opens signed in on the coordinator that it started, and the page never holds a token', async ({ shell }) => {
      const { page } = shell;
      const complaints = complaintsOf(page);
      await expect(page.getByText('Welcome').first()).toBeVisible();
      expect(await shell.address()).toMatch(/^app:\/\/outrunner\//);
      const me = await page.evaluate(async () => (await fetch('/api/v1/me')).json() as Promise<unknown>);
      expect(me).toMatchObject({ user: { role: 'owner' }, csrf: null, coordinator: { embedded: true } });
      const secrets = await page.evaluate(() => [document.cookie, ...Object.values(localStorage), 'require' in window]);
      expect(secrets.join()).not.toMatch(/or[a-z]_/);
      expect(secrets.at(0)).toBe('');
      expect(secrets.at(-1)).toBe(false);
      const policy = await page.evaluate(async () => (await fetch('/')).headers.get('content-security-policy'));
      expect(policy).toContain("default-src 'none'");
      expect(complaints).toEqual([]);
    });

    test('shows at once what others do: live events come through the shell', async ({ shell }) => {
      const { page, dataFolder } = shell;
      await page.getByRole('button', { name: 'System menu' }).click();
      await page.getByRole('menuitem', { name: 'Runner Management' }).click();
      await expect(page.getByRole('heading', { name: 'Runner Management' })).toBeVisible();
      const token = await ownerToken(dataFolder);
      const { url } = coordinatorOf(dataFolder);
      const created = await fetch(`${url}/api/v1/runners`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'made-elsewhere', description: 'By a script', tags: ['x'] }),
      });
      expect(created.status).toBe(201);
      await expect(page.getByText('made-elsewhere')).toBeVisible();
    });

    test('saves a Runner’s package where the person wants it, checked', async ({ shell, work }) => {
      const { page } = shell;
      await page.getByRole('button', { name: 'System menu' }).click();
      await page.getByRole('menuitem', { name: 'Runner Management' }).click();
      await page.getByText('Create Runner').first().click();
      await page.getByLabel('Name').fill('db-west-1');
      await page.getByLabel('Description').fill('Reaches the databases in the western data centre');
      await page.getByRole('combobox', { name: 'Tags' }).pressSequentially('Linux,');
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByRole('switch', { name: /Welcome/ }).check();
      await page.getByRole('button', { name: 'Next' }).click();
      const file = path.join(work, 'saved.tar.gz');
      await shell.saveTo(file);
      await page.getByRole('button', { name: /^Download/ }).click();
      await expect(page.getByText('SHA-256 and signature verified')).toBeVisible();
      const sha256 = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      // The page shows how it begins.
      await expect(page.getByText(sha256.slice(0, 16))).toBeVisible();
    });

    test('cannot be led elsewhere', async ({ shell }) => {
      const { page } = shell;
      await expect(page.getByText('Welcome').first()).toBeVisible();
      const before = await shell.address();
      await page.evaluate(() => {
        location.href = 'https://example.com/';
        window.open('https://example.com/');
        const link = Object.assign(document.createElement('a'), { href: 'https://example.com/', target: '_blank' });
        document.body.append(link);
        link.click();
      });
      // Whatever comes of it has come when the page answers again.
      await page.evaluate(async () => (await fetch('/api/v1/health')).status);
      expect(await shell.address()).toBe(before);
      expect(await shell.openedOutside()).toEqual([]);
      await expect(page.getByText('Welcome').first()).toBeVisible();
    });

    test('ends its coordinator when it is closed, and finds everything again', async ({ work, browser }) => {
      const first = await open({ work, browser });
      await expect(first.page.getByText('Welcome').first()).toBeVisible();
      const { pid } = coordinatorOf(first.dataFolder);
      await first.quit();
      expect(existsSync(path.join(first.dataFolder, 'coordinator.json'))).toBe(false);
      expect(() => process.kill(pid, 0)).toThrow('ESRCH');
      const second = await open({ work, browser });
      await expect(second.page.getByText('Welcome').first()).toBeVisible();
      await second.quit();
    });
  });
}

/** What the page complains of: broken policies, errors. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return complaints;
}

async function ownerToken(dataFolder: string): Promise<string> {
  const ticket = (await readFile(path.join(dataFolder, 'owner.ticket'), 'utf8')).trim();
  const response = await fetch(`${coordinatorOf(dataFolder).url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ticket, carrier: 'bearer' }),
  });
  return ((await response.json()) as { token: string }).token;
}
