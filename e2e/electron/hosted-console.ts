import type { Locator, Page } from '@playwright/test';
import type { CoordinatorProcess } from '../../bench/harness/coordinator.ts';
import type { DesktopBridge } from '../../protocol/ipc.ts';
import { test as base, expect } from '../support/test.ts';
import { openOnStandIn, type ShellOnStandIn, type ShellUnderTest } from './shell-under-test.ts';

/** Playwright's test with the desktop console on the stand-in of Electron, signed in to a coordinator elsewhere. */
export const test = base.extend<{ shell: ShellOnStandIn }>({
  shell: async ({ work, browser, coordinator }, use) => {
    const shell = await openOnStandIn({ work, browser });
    await signInToHosted(shell, coordinator);
    await use(shell);
    await shell.quit();
  },
});

/** Connects the console to the coordinator elsewhere, as a person does in its settings. */
export async function signInToHosted({ page }: ShellUnderTest, coordinator: CoordinatorProcess): Promise<void> {
  const [, password = ''] = await coordinator.program.line(/name admin, password (\S+)/);
  await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();
  await page.evaluate(
    async ({ url, secret }) => {
      const { outrunner } = window as unknown as { outrunner: DesktopBridge };
      await outrunner.invoke('profiles.add', { url, label: 'Hosted' });
      await outrunner.invoke('session.signIn', { name: 'admin', password: secret });
    },
    { url: coordinator.url, secret: password },
  );
}

/** Makes a Runner of this name and opens the dialog that installs it, in the smallest window. */
export async function openSshDialog(page: Page, coordinator: CoordinatorProcess, name: string): Promise<Locator> {
  await coordinator.api.call('createRunner', { body: { name, description: 'Installed over SSH', tags: ['db'] } });
  await page.setViewportSize({ width: 1024, height: 700 });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.getByRole('button', { name: 'System menu' }).click();
  await page.getByRole('menuitem', { name: 'Runner Management' }).click();
  await page.getByRole('button', { name: `Actions of ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Install over SSH…' }).click();
  const dialog = page.getByRole('dialog', { name: `Install ${name} over SSH` });
  await expect(dialog.getByRole('textbox', { name: 'Host' })).toBeFocused();
  return dialog;
}
