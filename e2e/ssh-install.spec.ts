import { once } from 'node:events';
import { NO_SSH_SERVER, startSshServer } from '../coordinator/testing/ssh-server.ts';
import { lookTwice } from './support/look.ts';
import { expect, test } from './support/test.ts';

test('a Runner is installed over SSH from its actions: refused, mended, installed, and it checks in', async ({
  page,
  coordinator,
}) => {
  test.skip(NO_SSH_SERVER !== null, `no OpenSSH server: ${NO_SSH_SERVER}`);
  test.setTimeout(120_000);
  const host = await startSshServer({ tmpSize: '400m', allSmall: true });
  try {
    const { runner } = await coordinator.api.call('createRunner', {
      body: { name: 'db-east', description: 'Installed over SSH', tags: ['db'] },
    });
    await page.setViewportSize({ width: 1024, height: 700 });
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto(await coordinator.signInLink());
    await expect(page.getByRole('button', { name: 'System menu' })).toBeVisible();
    await page.goto(`${coordinator.url}/runners`);
    await page.getByRole('button', { name: 'Actions of db-east' }).click();
    await page.getByRole('menuitem', { name: 'Install over SSH…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Install db-east over SSH' });
    await expect(dialog.getByRole('textbox', { name: 'Host' })).toBeFocused();
    await lookTwice(page, 'ssh-form');

    // With the keyboard alone: what is pasted falls into its parts.
    await page.keyboard.insertText(`plain@127.0.0.1:${host.port}`);
    await expect(dialog.getByRole('textbox', { name: 'Port' })).toHaveValue(String(host.port));
    await expect(dialog.getByRole('textbox', { name: 'User' })).toHaveValue('plain');
    await dialog.getByRole('textbox', { name: 'Password' }).fill('not-the-secret');
    await dialog.getByRole('radio', { name: 'This user alone' }).check();
    await dialog.getByRole('button', { name: 'More' }).click();
    await dialog.getByRole('checkbox', { name: /Start it/ }).uncheck();
    await dialog.getByRole('textbox', { name: 'User' }).press('Enter');
    await expect(dialog.getByText('Is this the right host?')).toBeVisible();
    await expect(dialog.getByText(host.fingerprint, { exact: true })).toBeVisible();
    await lookTwice(page, 'ssh-host-key');
    await dialog.getByRole('button', { name: 'It is the right one' }).click();

    const refused = dialog.getByRole('alert').filter({ hasText: 'The host refused the sign-in' });
    await expect(refused).toContainText('refused the password of plain');
    await lookTwice(page, 'ssh-refused');
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await expect(dialog.getByRole('textbox', { name: 'Host' })).toHaveValue('127.0.0.1');
    await dialog.getByRole('textbox', { name: 'Password' }).fill('plain-secret');
    await dialog.getByRole('button', { name: 'Install' }).click();
    await expect(dialog.getByRole('listitem').filter({ hasText: 'Install: now' })).toBeVisible();
    await lookTwice(page, 'ssh-running');
    await expect(dialog.getByText('Installed', { exact: true })).toBeVisible({ timeout: 60_000 });
    await expect(dialog.getByRole('button', { name: 'Close', exact: true }).last()).toBeInViewport();
    await lookTwice(page, 'ssh-installed');
    expect(host.leftovers()).toEqual([]);

    const [install] = (await coordinator.api.call('listSshInstalls', { params: { id: runner.id } })).items;
    expect(install?.state).toBe('succeeded');
    // There is no systemd in this host: what the package says is what a person would do.
    const command = /Start it with: (.+)$/m.exec(install?.output.join('\n') ?? '')?.[1];
    const run = (line: string) => once(host.start('plain', line), 'close');
    await run(command ?? 'false');
    try {
      await expect
        .poll(async () => (await coordinator.api.call('getRunner', { params: { id: runner.id } })).status, {
          timeout: 30_000,
        })
        .toBe('Healthy');
    } finally {
      // It runs in the background there.
      await run((command ?? 'false').replace('service start', 'service stop'));
    }
  } finally {
    await host.stop();
  }
});
