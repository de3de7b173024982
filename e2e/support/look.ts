import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect } from './test.ts';

/** Where the pictures go: for people who want to look. Not compared, because fonts differ between machines. */
const pictures = path.resolve(import.meta.dirname, '../../test-results/screens');

/** Takes a picture of what is shown, and expects that axe finds nothing on it and that it does not scroll sideways. */
export async function look(page: Page, name: string, suffix: string): Promise<void> {
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: path.join(pictures, `${name}-${suffix}.png`) });
  const { violations } = await new AxeBuilder({ page })
    // What passed is not reported, and no second page is opened to put frames of other origins together: there are none.
    .options({ resultTypes: ['violations'] })
    .setLegacyMode(true)
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  const found = violations.map(
    ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html).join('\n  ')}`,
  );
  expect.soft(found, `${name} (${suffix})`).toEqual([]);
  const sideways = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect.soft(sideways, `${name} (${suffix}) scrolls sideways`).toBeLessThanOrEqual(0);
}

/** What is on the page now, in light and in dark on a small window. */
export async function lookTwice(page: Page, name: string): Promise<void> {
  await look(page, name, 'light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 1024, height: 700 });
  await look(page, name, 'dark-small');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 800 });
}
