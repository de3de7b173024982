import type { Page } from '@playwright/test';
import type { CoordinatorProcess } from '../bench/harness/coordinator.ts';
import { expect, test } from './support/test.ts';

async function openWizard(page: Page, coordinator: CoordinatorProcess): Promise<void> {
  await page.goto(await coordinator.signInLink());
  await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();
  await page.goto(`${coordinator.url}/runners/new`);
  await expect(page.getByRole('heading', { name: 'Create Runner' })).toBeVisible();
}

const next = (page: Page) => page.getByRole('button', { name: 'Next' });
const name = (page: Page) => page.getByRole('textbox', { name: 'Name' });
const description = (page: Page) => page.getByRole('textbox', { name: 'Description' });
const tags = (page: Page) => page.getByRole('combobox', { name: 'Tags' });

async function fillDetails(page: Page, called: string): Promise<void> {
  await name(page).fill(called);
  await description(page).fill('for a test');
  await tags(page).fill('linux,');
}

test('every field of the first step says what is wrong with it, and nothing is created', async ({
  page,
  coordinator,
}) => {
  await openWizard(page, coordinator);
  await next(page).click();
  await expect(page.getByText('Name is required.')).toBeVisible();
  await expect(page.getByText('Description is required.')).toBeVisible();
  await expect(page.getByText('At least one tag is needed.')).toBeVisible();
  await expect(name(page)).toBeFocused();

  await name(page).fill('x'.repeat(101));
  await expect(page.getByText('Name may have at most 100 characters.')).toBeVisible();
  await description(page).fill('y'.repeat(1001));
  await expect(page.getByText('Description may have at most 1000 characters.')).toBeVisible();
  await tags(page).fill('t'.repeat(65));
  await tags(page).press(',');
  await expect(page.getByText('A tag may have at most 64 characters.')).toBeVisible();

  await page.getByRole('button', { name: 'Advanced' }).click();
  await page.getByRole('textbox', { name: 'Maximum operations' }).fill('0');
  await expect(page.getByText('Maximum operations is at least 1.')).toBeVisible();
  await page.getByRole('textbox', { name: 'Token lifetime' }).fill('9999');
  await expect(page.getByText('Token lifetime is at most 720 hours.')).toBeVisible();
  await next(page).click();
  await expect(name(page)).toBeVisible();
  expect((await coordinator.api.call('listRunners', {})).total).toBe(0);
});

test('a name that is taken is named while it is typed, in whatever letters', async ({ page, coordinator }) => {
  await coordinator.api.call('createRunner', { body: { name: 'Alpha', description: 'first', tags: ['a'] } });
  await openWizard(page, coordinator);
  await fillDetails(page, 'ALPHA');
  await expect(page.getByText(/“Alpha”/)).toBeVisible();
  await next(page).click();
  await expect(name(page)).toBeVisible();
  await name(page).fill('Beta');
  await expect(page.getByText(/“Alpha”/)).toBeHidden();
  await next(page).click();
  await expect(page.getByRole('searchbox', { name: 'Search projects' })).toBeVisible();
});

test('Back and a reload keep the draft; Cancel leaves nothing behind', async ({ page, coordinator }) => {
  await openWizard(page, coordinator);
  await fillDetails(page, 'kept');
  await next(page).click();
  await page.getByRole('switch', { name: /Welcome/ }).check();
  await page.getByRole('button', { name: 'Back' }).click();
  await expect(name(page)).toHaveValue('kept');
  await next(page).click();
  await expect(page.getByText('1 assigned')).toBeVisible();

  await page.reload();
  await expect(page.getByText('1 assigned')).toBeVisible();
  await page.getByRole('button', { name: 'Back' }).click();
  await expect(name(page)).toHaveValue('kept');
  await expect(description(page)).toHaveValue('for a test');

  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('heading', { name: 'Runner Management' })).toBeVisible();
  expect((await coordinator.api.call('listRunners', {})).total).toBe(0);
  await page.getByRole('button', { name: 'Create Runner' }).first().click();
  await expect(name(page)).toHaveValue('');
});

test('a reload on the last step finds the same Runner, not a second one', async ({ page, coordinator }) => {
  await openWizard(page, coordinator);
  await fillDetails(page, 'once');
  await next(page).click();
  await next(page).click();
  await expect(page.getByText('Your Runner has been successfully established.')).toBeVisible();
  await page.reload();
  await expect(page.getByText('Your Runner has been successfully established.')).toBeVisible();
  await page.getByRole('button', { name: 'Close and Complete' }).click();
  await expect(page.getByRole('row', { name: /once/ })).toHaveCount(1);
  expect((await coordinator.api.call('listRunners', {})).total).toBe(1);
});

test('the whole wizard is done with the keyboard alone', async ({ page, coordinator }) => {
  await page.goto(await coordinator.signInLink());
  await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();

  /** Presses Tab until what has the focus is this. */
  const tabTo = async (role: 'button' | 'link' | 'textbox' | 'combobox' | 'switch', called: RegExp) => {
    const wanted = page.locator(':focus').and(page.getByRole(role, { name: called }));
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press('Tab');
      if ((await wanted.count()) === 1) return;
    }
    throw new Error(`The keyboard did not reach the ${role} ${called}.`);
  };

  await tabTo('button', /System menu/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitem', { name: 'Runner Management' })).toBeVisible();
  await page.keyboard.press('ArrowDown');
  if (
    !(await page
      .getByRole('menuitem', { name: 'Runner Management' })
      .evaluate((item) => item === document.activeElement))
  )
    await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Runner Management' })).toBeVisible();
  await tabTo('button', /Create Runner/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Create Runner' })).toBeVisible();
  await tabTo('textbox', /Name/);
  await page.keyboard.type('by-hand');
  await tabTo('textbox', /Description/);
  await page.keyboard.type('made without a mouse');
  await tabTo('combobox', /Tags/);
  await page.keyboard.type('linux;db ');
  await tabTo('button', /Next/);
  await page.keyboard.press('Enter');
  await tabTo('switch', /Welcome/);
  await page.keyboard.press('Space');
  await tabTo('button', /Next/);
  await page.keyboard.press('Enter');
  await expect(page.getByText('Your Runner has been successfully established.')).toBeVisible();
  await tabTo('button', /Close and Complete/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('row', { name: /by-hand/ })).toBeVisible();
  const { items } = await coordinator.api.call('listRunners', {});
  expect(items).toMatchObject([{ name: 'by-hand', tags: ['linux', 'db'], projects: [{ project: 'Welcome' }] }]);
});
