import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Locator, Page } from '@playwright/test';
import type { CoordinatorProcess } from '../../bench/harness/coordinator.ts';
import {
  NO_CODES,
  NO_SSH_SERVER,
  openCuttableWay,
  type SshServer,
  startSshServer,
} from '../../coordinator/testing/ssh-server.ts';
import type { DesktopBridge } from '../../protocol/ipc.ts';
import { lookInBoth } from '../support/look.ts';
import { test as base, expect } from '../support/test.ts';
import { openOnStandIn, type ShellUnderTest } from './shell-under-test.ts';

/**
 * Install over SSH from the desktop console's own computer, for a coordinator elsewhere: the built shell on the stand-in of
 * Electron, a real Chromium, a real coordinator, a real sshd and the real package.
 */
const test = base.extend<{ shell: ShellUnderTest; host: SshServer }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed from this pattern
  host: async ({}, use) => {
    const host = await startSshServer({ tmpSize: '400m', allSmall: true });
    await use(host);
    await host.stop();
  },
  shell: async ({ work, browser, coordinator }, use) => {
    const shell = await openOnStandIn({ work, browser });
    await signIn(shell, coordinator);
    await use(shell);
    await shell.quit();
  },
});
test.skip(NO_SSH_SERVER !== null, `no OpenSSH server: ${NO_SSH_SERVER}`);

/** Connects the console to the coordinator elsewhere, as a person does in its settings. */
async function signIn({ page }: ShellUnderTest, coordinator: CoordinatorProcess): Promise<void> {
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

/** A Runner of this name, and the dialog that installs it. */
async function openDialog(page: Page, coordinator: CoordinatorProcess, name: string): Promise<Locator> {
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

async function fill(dialog: Locator, port: number, password = 'plain-secret'): Promise<void> {
  await dialog.getByRole('textbox', { name: 'Host' }).fill(`plain@127.0.0.1:${port}`);
  await dialog.getByRole('textbox', { name: 'Password' }).fill(password);
  await dialog.getByRole('radio', { name: 'This user alone' }).check();
  await dialog.getByRole('button', { name: 'More' }).click();
  await dialog.getByRole('checkbox', { name: /Start it/ }).uncheck();
}

const knownKeys = async (work: string) => await readFile(path.join(work, 'user', 'host-keys.json'), 'utf8');

test('a hosted coordinator’s Runner is installed from this computer, and its agent connects', async ({
  shell,
  coordinator,
  host,
  work,
}) => {
  const { page } = shell;
  const dialog = await openDialog(page, coordinator, 'db-east');
  await expect(dialog.getByText('Connect from')).toBeVisible();
  await lookInBoth(page, 'ssh-console-form');
  await fill(dialog, host.port);
  await dialog.getByRole('button', { name: 'Proxy and certificates' }).click();
  await dialog.getByRole('textbox', { name: 'Proxy' }).fill('proxy');
  await lookInBoth(page, 'ssh-console-field-error');
  await dialog.getByRole('textbox', { name: 'Proxy' }).fill('');
  await dialog.getByRole('button', { name: 'Install', exact: true }).click();
  await expect(dialog.getByText(host.fingerprint, { exact: true })).toBeVisible();
  await dialog.getByRole('button', { name: 'It is the right one' }).click();
  await expect(dialog.getByText('Installed', { exact: true })).toBeVisible({ timeout: 60_000 });
  expect(host.leftovers()).toEqual([]);
  expect(await knownKeys(work)).toContain(host.fingerprint);
  // The coordinator knows nothing of it, and the page saw no secret come back.
  const { items } = await coordinator.api.call('listHostKeys');
  expect(items).toEqual([]);
  const command = /Start it with: (.+)$/m.exec(
    (await dialog.getByLabel('What the host printed').textContent()) ?? '',
  )?.[1];
  const agent = host.start('plain', command ?? 'false');
  try {
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    await expect(page.getByRole('row', { name: /db-east/ }).getByText('Healthy')).toBeAttached({ timeout: 30_000 });
  } finally {
    agent.kill('SIGTERM');
  }
});

test('a host whose key was changed is refused, until the person forgets the old one', async ({
  shell,
  coordinator,
  host,
}) => {
  const { page } = shell;
  const dialog = await openDialog(page, coordinator, 'db-west');
  await fill(dialog, host.port, 'wrong-secret');
  await dialog.getByRole('button', { name: 'Install', exact: true }).click();
  await dialog.getByRole('button', { name: 'It is the right one' }).click();
  await expect(dialog.getByText('refused the password of plain').first()).toBeVisible();
  await host.stop();
  const replaced = await startSshServer({ port: host.port, tmpSize: '400m', allSmall: true });
  try {
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await expect(dialog.getByText('The host key is not the one that is known for this host')).toBeVisible();
    for (const key of [host.fingerprint, replaced.fingerprint])
      await expect(dialog.getByText(key, { exact: true })).toBeVisible();
    await lookInBoth(page, 'ssh-console-changed-key');
    await dialog.getByRole('button', { name: /forget the old key/ }).click();
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await expect(dialog.getByText('Is this the right host?')).toBeVisible();
    await dialog.getByRole('button', { name: 'It is not' }).click();
    await expect(dialog.getByText('The host key was not confirmed')).toBeVisible();
    expect(replaced.leftovers()).toEqual([]);
  } finally {
    await replaced.stop();
  }
});

test('what the host asks is asked in the dialog', async ({ shell, coordinator }) => {
  test.skip(NO_CODES !== null, `no PAM module for codes: ${NO_CODES}`);
  const asking = await startSshServer({ codes: true, tmpSize: '400m', allSmall: true });
  try {
    const { page } = shell;
    const dialog = await openDialog(page, coordinator, 'db-north');
    await fill(dialog, asking.port);
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await dialog.getByRole('button', { name: 'It is the right one' }).click();
    await expect(dialog.getByLabel('Verification code:')).toBeFocused();
    await lookInBoth(page, 'ssh-console-question');
    await page.keyboard.type(asking.code());
    await page.keyboard.press('Enter');
    await expect(dialog.getByText('Installed', { exact: true })).toBeVisible({ timeout: 60_000 });
    expect(asking.leftovers()).toEqual([]);
  } finally {
    await asking.stop();
  }
});

test('cancelled, cut off, or with the console closed in the middle: nothing is left on the host', async ({
  shell,
  coordinator,
  host,
  work,
  browser,
}) => {
  const { page } = shell;
  const dialog = await openDialog(page, coordinator, 'db-south');
  const way = await openCuttableWay(host.port);
  try {
    way.holdAfter(5_000_000);
    await fill(dialog, way.port);
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await dialog.getByRole('button', { name: 'It is the right one' }).click();
    await expect(dialog.getByText(/ of 4\d\.\d MB/)).toBeVisible();
    await dialog.getByRole('button', { name: 'Cancel installation' }).click();
    way.mend();
    await expect(dialog.getByText('The installation was cancelled')).toBeVisible();
    expect(host.leftovers()).toEqual([]);

    way.cutAfter(5_000_000);
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await expect(dialog.getByText('The SSH connection was cut').first()).toBeVisible();
    await lookInBoth(page, 'ssh-console-cut');
    await expect.poll(() => host.leftovers()).toEqual([]);

    way.mend();
    way.holdAfter(5_000_000);
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await expect(dialog.getByText(/ of 4\d\.\d MB/)).toBeVisible();
    expect(host.leftovers()).toHaveLength(1);
    await shell.quit();
    await expect.poll(() => host.leftovers()).toEqual([]);
    const again = await openOnStandIn({ work, browser });
    await again.quit();
  } finally {
    await way.close();
  }
});
