import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Locator } from '@playwright/test';
import { NO_BOOTED_ROOT } from '../../agent/testing/booted-root.ts';
import {
  NO_CODES,
  NO_SSH_SERVER,
  openCuttableWay,
  type SshServer,
  startSshServer,
} from '../../coordinator/testing/ssh-server.ts';
import { lookTwice } from '../support/look.ts';
import { bootSshHost } from '../support/ssh-host.ts';
import { expect } from '../support/test.ts';
import { test as base, openSshDialog } from './hosted-console.ts';
import { openOnStandIn } from './shell-under-test.ts';

/**
 * Install over SSH from the desktop console's own computer, for a coordinator elsewhere: the built shell on the stand-in of
 * Electron, a real Chromium, a real coordinator, a real sshd and the real package.
 */
const test = base.extend<{ host: SshServer }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed from this pattern
  host: async ({}, use) => {
    const host = await startSshServer({ tmpSize: '400m', allSmall: true });
    await use(host);
    await host.stop();
  },
});
test.skip(NO_SSH_SERVER !== null, `no OpenSSH server: ${NO_SSH_SERVER}`);

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
  const dialog = await openSshDialog(page, coordinator, 'db-east');
  await expect(dialog.getByText('Connect from')).toBeVisible();
  await lookTwice(page, 'ssh-console-form');
  await fill(dialog, host.port);
  await dialog.getByRole('button', { name: 'Proxy and certificates' }).click();
  await dialog.getByRole('textbox', { name: 'Proxy' }).fill('proxy');
  await lookTwice(page, 'ssh-console-field-error');
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
  const run = (line: string) => once(host.start('plain', line), 'close');
  await run(command ?? 'false');
  try {
    const status = async () => (await coordinator.api.call('listRunners', {})).items[0]?.status;
    await expect.poll(status, { timeout: 30_000 }).toBe('Healthy');
  } finally {
    // It runs in the background there.
    await run((command ?? 'false').replace('service start', 'service stop'));
  }
});

test('a service of the whole host is installed from this computer with sudo, and ends with the first check-in', async ({
  shell,
  coordinator,
}) => {
  test.skip(NO_BOOTED_ROOT !== '', `no root with a systemd of its own: ${NO_BOOTED_ROOT}`);
  const host = await bootSshHost();
  test.skip(typeof host === 'string', `systemd does not start in a namespace here: ${String(host)}`);
  if (typeof host === 'string') return;
  try {
    const { page } = shell;
    const dialog = await openSshDialog(page, coordinator, 'db-whole');
    await dialog.getByRole('textbox', { name: 'Host' }).fill(`asked@127.0.0.1:${host.port}`);
    await dialog.getByRole('textbox', { name: 'Password' }).fill('asked-secret');
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await expect(dialog.getByText(host.fingerprint, { exact: true })).toBeVisible();
    await dialog.getByRole('button', { name: 'It is the right one' }).click();
    await expect(dialog.getByText(/^Checked in from /).first()).toBeVisible({ timeout: 90_000 });
    await lookTwice(page, 'ssh-console-checked-in');
    expect(await host.sh('systemctl is-active outrunner-agent')).toBe('active');
    expect(await host.leftovers()).toEqual([]);
  } finally {
    await host.close();
  }
});

test('a host whose key was changed is refused, until the person forgets the old one', async ({
  shell,
  coordinator,
  host,
}) => {
  const { page } = shell;
  const dialog = await openSshDialog(page, coordinator, 'db-west');
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
    await lookTwice(page, 'ssh-console-changed-key');
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

test('what the host asks is asked in the dialog, and the proxy that was typed in is on the host', async ({
  shell,
  coordinator,
  work,
}) => {
  test.skip(NO_CODES !== null, `no PAM module for codes: ${NO_CODES}`);
  const asking = await startSshServer({ codes: true, tmpSize: '400m', allSmall: true });
  try {
    const { page } = shell;
    const dialog = await openSshDialog(page, coordinator, 'db-north');
    await fill(dialog, asking.port);
    await dialog.getByRole('button', { name: 'Proxy and certificates' }).click();
    await dialog.getByRole('textbox', { name: 'Proxy' }).fill('http://user:hidden@proxy.example:3128');
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await dialog.getByRole('button', { name: 'It is the right one' }).click();
    await expect(dialog.getByLabel('Verification code:')).toBeFocused();
    await lookTwice(page, 'ssh-console-question');
    await page.keyboard.type(asking.code());
    await page.keyboard.press('Enter');
    await expect(dialog.getByText('Installed', { exact: true })).toBeVisible({ timeout: 60_000 });
    expect(asking.leftovers()).toEqual([]);
    const config = JSON.parse(asking.sh('cat /home/plain/.config/outrunner-agent/runner.json')) as unknown;
    expect(config).toMatchObject({ proxy: 'http://user:hidden@proxy.example:3128' });
    expect(await readFile(path.join(work, 'user', 'logs', 'shell.log'), 'utf8')).not.toMatch(/hidden|plain-secret/);
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
  const dialog = await openSshDialog(page, coordinator, 'db-south');
  const way = await openCuttableWay(host.port);
  try {
    way.holdAfter(5_000_000);
    await fill(dialog, way.port);
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await dialog.getByRole('button', { name: 'It is the right one' }).click();
    await expect.poll(() => host.leftovers()).toHaveLength(1);
    await dialog.getByRole('button', { name: 'Cancel installation' }).click();
    way.mend();
    await expect(dialog.getByText('The installation was cancelled')).toBeVisible();
    expect(host.leftovers()).toEqual([]);

    way.cutAfter(5_000_000);
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await expect(dialog.getByText('The SSH connection was cut').first()).toBeVisible();
    await lookTwice(page, 'ssh-console-cut');
    await expect.poll(() => host.leftovers()).toEqual([]);

    way.mend();
    way.holdAfter(5_000_000);
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await expect.poll(() => host.leftovers()).toHaveLength(1);
    await shell.quit();
    // The way that was held sees now that nobody is at its other end.
    way.mend();
    await expect.poll(() => host.leftovers()).toEqual([]);
    const again = await openOnStandIn({ work, browser });
    await again.quit();
  } finally {
    await way.close();
  }
});
