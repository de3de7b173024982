import type { Page } from '@playwright/test';
import type { CoordinatorProcess } from '../../bench/harness/coordinator.ts';
import { expect } from './test.ts';

/** Signs in and fills in the wizard up to its third step, where the Runner `name` exists. */
export async function wizardTo(page: Page, coordinator: CoordinatorProcess, name: string): Promise<void> {
  await page.goto(await coordinator.signInLink());
  await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();
  await page.goto(`${coordinator.url}/runners/new`);
  await fillWizard(page, name);
}

/** Fills in the open wizard up to its third step, where the Runner `name` exists. */
export async function fillWizard(page: Page, name: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  await page.getByRole('textbox', { name: 'Description' }).fill('Reaches the databases in the western data centre');
  await page.getByRole('combobox', { name: 'Tags' }).fill('linux ');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(page.getByText('Your Runner has been successfully established.')).toBeVisible();
}
