import { mkdir, readdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { packedAgent } from '../../bench/harness/agent.ts';
import { startCoordinator } from '../../bench/harness/coordinator.ts';
import { startProgram } from '../../bench/harness/process.ts';
import { BUNDLES, bundle } from '../../build/bundle.ts';
import { StandInWindows } from '../../coordinator/testing/windows-stand-in.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import { lookTwice } from '../support/look.ts';
import { publish } from '../support/releases.ts';
import { expect } from '../support/test.ts';
import { fillWizard } from '../support/wizard-to.ts';
import { test as base, signInToHosted } from './hosted-console.ts';
import { openOnStandIn, type ShellOnStandIn } from './shell-under-test.ts';

const ROOT = path.join(import.meta.dirname, '../..');

/**
 * Run on this computer on Windows, as far as it runs elsewhere: the built shell on the stand-in of Electron, a real Chromium, a
 * real coordinator and its real package for Windows, in which the agent of this host stands for that of Windows; real files and
 * processes. In the place of PowerShell is a program that starts that agent as `install.ps1` does.
 */
const test = base.extend<{ windows: StandInWindows }>({
  coordinator: async ({ work }, use) => {
    const agents = path.join(work, 'agents');
    await publish(agents, PRODUCT_VERSION, packedAgent(), undefined, 'win-x64');
    const coordinator = await startCoordinator({
      dataDir: path.join(work, 'coordinator'),
      args: ['--agents-dir', agents],
    });
    await use(coordinator);
    await coordinator.stop();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed from this pattern
  windows: async ({}, use) => {
    const windows = new StandInWindows();
    await use(windows);
    windows.remove();
  },
  shell: async ({ work, browser, coordinator, windows }, use) => {
    // The app as it is built, but for the one program that would find out where it is: that is built for the test.
    const appPath = path.join(work, 'app');
    await mkdir(path.join(appPath, 'dist/coordinator'), { recursive: true });
    for (const part of ['package.json', 'dist/renderer', 'dist/electron', 'dist/coordinator/main.mjs'])
      await symlink(path.join(ROOT, part), path.join(appPath, part));
    const entry = 'coordinator/testing/windows-install-program.ts';
    await bundle({ ...BUNDLES.sshInstall, entry }, path.join(appPath, 'dist', BUNDLES.sshInstall.output));
    process.env.STAND_IN_WINDOWS = windows.base;
    const shell = await openOnStandIn({ work, browser, appPath });
    await signInToHosted(shell, coordinator);
    await use(shell);
    await shell.quit();
    delete process.env.STAND_IN_WINDOWS;
  },
});
/** Creates a Runner and asks for it to run on this computer; a person has allowed that outside of the page. */
async function runHere(shell: ShellOnStandIn) {
  shell.answers.button = 0;
  const { page } = shell;
  await page.getByRole('button', { name: 'System menu' }).click();
  await page.getByRole('menuitem', { name: 'Runner Management' }).click();
  await page.getByText('Create Runner').first().click();
  await fillWizard(page, 'desk');
  await page.getByRole('button', { name: 'Run on this computer' }).click();
  return { page, dialog: page.getByRole('dialog', { name: 'Run desk on this computer' }) };
}

test.skip(process.platform !== 'linux', 'the stand-ins are scripts of a POSIX shell, and launchd asks nobody for HOME');

test('a hosted coordinator’s Runner is installed on Windows from its package, and nothing else stays there', async ({
  shell,
  coordinator,
  windows,
  work,
}) => {
  const { page, dialog } = await runHere(shell);
  await expect(dialog.getByText('On this computer (DESK), as jörg')).toBeVisible();
  const runner = async () => (await coordinator.api.call('listRunners', {})).items[0];
  const env = { HOME: windows.home, XDG_RUNTIME_DIR: path.join(windows.home, 'run') };
  try {
    await expect.poll(async () => (await runner())?.status, { timeout: 60_000 }).toBe('Healthy');
    await expect(dialog.getByRole('button', { name: 'Close' }).last()).toBeVisible();
    await expect(dialog.getByText('Windows x64, 10.0.26100.')).toBeVisible();
    expect(await dialog.textContent()).not.toContain('install.sh');
    await lookTwice(page, 'run-here-windows');
    expect(windows.leftovers()).toEqual([]);
    await expect.poll(async () => await readdir(path.join(work, 'user', 'ssh-installs'))).toEqual([]);
  } finally {
    // It goes on by itself, as it should.
    await startProgram(packedAgent(), ['service', 'uninstall', '--user', '--purge'], {
      env: { ...process.env, ...env },
    }).ended;
  }
  await expect.poll(async () => (await runner())?.status).toBe('Down');
});

test('when it fails there, what the agent said is shown in its own letters', async ({ shell, windows }) => {
  windows.behave('is forbidden');
  const { page, dialog } = await runHere(shell);
  await expect(dialog.getByText(/A policy of this computer forbids scripts of PowerShell/).first()).toBeVisible();
  await expect(dialog.getByText(/da die Ausführung von Skripts deaktiviert ist/).first()).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Try again' })).toBeVisible();
  await lookTwice(page, 'run-here-windows-forbidden');
  expect(windows.leftovers()).toEqual([]);
});
