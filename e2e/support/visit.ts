import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import type { CoordinatorProcess } from '../../bench/harness/coordinator.ts';

/** Where the pictures go: for people who want to look. Not compared, because fonts differ between machines. */
const pictures = path.resolve(import.meta.dirname, '../../test-results/screens');

/** A screen to look at. */
export interface Place {
  name: string;
  path: string;
  /** Text by which one sees that the screen has its data. */
  sign: string | RegExp;
}

/** Goes to a screen and looks at it: a picture for people, and axe, which must find nothing. */
export async function visit(page: Page, coordinator: CoordinatorProcess, place: Place, suffix: string): Promise<void> {
  await page.goto(`${coordinator.url}${place.path}`);
  await expect(page.getByText(place.sign).first()).toBeVisible();
  await look(page, `${place.name}-${suffix}`);
}

/** The same for what is on the page now. */
export async function look(page: Page, name: string): Promise<void> {
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: path.join(pictures, `${name}.png`) });
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  const found = violations.map(
    ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html).join('\n  ')}`,
  );
  expect.soft(found, name).toEqual([]);
  const sideways = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect.soft(sideways, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
}
