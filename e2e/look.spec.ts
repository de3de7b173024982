import AxeBuilder from '@axe-core/playwright';
import { look, settled } from './support/look.ts';
import { expect, test } from './support/test.ts';

/** How the page is looked at: what a picture shows is what a person sees who looks for longer than a moment. */

test('what is looked at after another colour scheme was chosen has all of its colours', async ({
  page,
  coordinator,
}) => {
  await page.goto(await coordinator.signInLink());
  await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();
  const segments = page.getByRole('radiogroup', { name: 'Theme' });
  /** Of each segment: the colour of its label; and what is behind the one that is chosen. */
  const colours = () =>
    segments.evaluate((root) => {
      const all = [...root.querySelectorAll('label'), ...root.querySelectorAll('.mantine-SegmentedControl-indicator')];
      return all.map((one) => {
        const { color, backgroundColor } = getComputedStyle(one);
        return `${color} on ${backgroundColor}`;
      });
    });

  // As it is when nothing has faded.
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${coordinator.url}/settings`);
  await expect(segments).toBeVisible();
  await settled(page);
  const wanted = await colours();
  const { passes } = await new AxeBuilder({ page }).setLegacyMode(true).withRules('color-contrast').analyze();
  const readable = passes.flatMap(({ nodes }) => nodes.map(({ html }) => html));
  expect(readable.filter((html) => html.includes('SegmentedControl-innerLabel'))).toHaveLength(3);

  for (let round = 0; round < 5; round++) {
    await page.emulateMedia({ colorScheme: 'light' });
    await settled(page);
    expect(await colours()).not.toEqual(wanted);
    await page.emulateMedia({ colorScheme: 'dark' });
    await settled(page);
    expect(await colours()).toEqual(wanted);
  }
  await look(page, 'settings-theme', 'dark');
});
