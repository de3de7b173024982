import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect } from './test.ts';

/** Where the pictures go: for people who want to look. Not compared, because fonts differ between machines. */
const pictures = path.resolve(import.meta.dirname, '../../test-results/screens');

/**
 * Resolves when what is shown stays as it is. A change of the colour scheme fades in, and a picture, or a look at contrasts, in the
 * middle of it shows colours that nobody ever looks at. What goes on for ever, as what turns while one waits, is not waited for.
 */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const ending = () =>
      document
        .getAnimations()
        .filter((one) => Number(one.effect?.getComputedTiming().endTime) < Number.POSITIVE_INFINITY);
    do {
      // The page hears of another scheme or size before a frame, and begins to fade in it.
      await frame();
      await frame();
      // One that is cancelled is over as well.
      await Promise.allSettled(ending().map(({ finished }) => finished));
    } while (ending().some(({ playState }) => playState === 'running'));
  });
}

/** Takes a picture of what is shown, and expects that axe finds nothing on it and that it does not scroll sideways. */
export async function look(page: Page, name: string, suffix: string): Promise<void> {
  await mkdir(pictures, { recursive: true });
  await settled(page);
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
