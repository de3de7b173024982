import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test as base, expect } from '@playwright/test';
import { type CoordinatorProcess, startCoordinator } from '../../bench/harness/coordinator.ts';
import { endAll } from '../../bench/harness/process.ts';

interface Fixtures {
  /** A folder of this test alone; gone afterwards. */
  work: string;
  /** A coordinator of this test alone, as `npm start` would have it. */
  coordinator: CoordinatorProcess;
}

/** Playwright's test with a coordinator and a work folder per test. Fails on any error that the page reports. */
export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed from this pattern
  work: async ({}, use) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'outrunner-e2e-'));
    await use(folder);
    await endAll();
    await rm(folder, { recursive: true, force: true });
  },
  coordinator: async ({ work }, use, info) => {
    const coordinator = await startCoordinator({ dataDir: path.join(work, 'coordinator') });
    await use(coordinator);
    if (info.status !== info.expectedStatus)
      await info.attach('coordinator.log', { body: coordinator.program.output() });
    await coordinator.stop();
  },
  page: async ({ page }, use) => {
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      // A refused resource or a broken policy shows up here; answers with an error status are the API's own language.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        complaints.push(message.text());
    });
    await use(page);
    expect(complaints, 'the console reported errors').toEqual([]);
  },
});

export { expect };
