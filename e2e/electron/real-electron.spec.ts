import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test as base, expect } from '@playwright/test';
import { ELECTRON, ELECTRON_REQUIRED, launchElectron } from './shell-under-test.ts';

/** What only a real Electron can show: its own defaults, its processes, its storage for `app://`. */
const test = base.extend<{ work: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed from this pattern
  work: async ({}, use) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'outrunner-electron-'));
    await use(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  },
});

test.describe('a real Electron', () => {
  test.skip(ELECTRON === null && !ELECTRON_REQUIRED, 'Electron binary not installed');

  test('applies the sandbox, keeps storage of app:// over a restart, and has no way to Node in the page', async ({
    work,
  }) => {
    const first = await launchElectron(work);
    const page = await first.app.firstWindow();
    await expect(page.getByText('Welcome').first()).toBeVisible();
    const preferences = await first.app.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as { getLastWebPreferences(): object };
      return contents.getLastWebPreferences();
    });
    expect(preferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
    });
    expect(
      await page.evaluate(() => ['require', 'process', 'Buffer', 'module'].filter((name) => name in window)),
    ).toEqual([]);
    expect(await page.evaluate(() => [isSecureContext, location.origin, typeof crypto.randomUUID()])).toEqual([
      true,
      'app://outrunner',
      'string',
    ]);
    await page.evaluate(() => localStorage.setItem('kept', 'yes'));
    await first.app.close();
    const second = await launchElectron(work);
    expect(await (await second.app.firstWindow()).evaluate(() => localStorage.getItem('kept'))).toBe('yes');
    await second.app.close();
  });

  test('ends the call to the coordinator when the page stops reading a stream', async ({ work }) => {
    const { app } = await launchElectron(work);
    const page = await app.firstWindow();
    await expect(page.getByText('Welcome').first()).toBeVisible();
    // Chromium lets a page have six requests at a time; streams that never ended would use them up.
    const answered = await page.evaluate(async () => {
      for (let turn = 0; turn < 20; turn++) {
        const leave = new AbortController();
        const { body } = await fetch('/api/v1/live', { signal: leave.signal });
        await body?.getReader().read();
        leave.abort();
      }
      return (await fetch('/api/v1/me')).status;
    });
    expect(answered).toBe(200);
    await app.close();
  });

  test('is there once: a second start ends and brings the first one forward', async ({ work }) => {
    const { app } = await launchElectron(work);
    await app.firstWindow();
    const forward = app.evaluate(
      ({ app: electron }) =>
        new Promise((resolve) => electron.once('second-instance', () => resolve('second instance'))),
    );
    await expect(launchElectron(work)).rejects.toThrow();
    expect(await forward).toBe('second instance');
    expect(app.windows()).toHaveLength(1);
    await app.close();
  });
});
