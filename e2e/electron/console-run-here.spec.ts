import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Locator } from '@playwright/test';
import { packedAgent } from '../../bench/harness/agent.ts';
import { startProgram } from '../../bench/harness/process.ts';
import { lookTwice } from '../support/look.ts';
import { expect } from '../support/test.ts';
import { fillWizard } from '../support/wizard-to.ts';
import { test as base } from './hosted-console.ts';
import type { ShellUnderTest } from './shell-under-test.ts';

interface Computer {
  readonly home: string;
  /** What of ours lies in the temporary folder. */
  leftovers(): Promise<string[]>;
}

/**
 * Run on this computer, from the desktop console of a coordinator elsewhere: the built shell on the stand-in of Electron, a real
 * Chromium, a real coordinator, the real package and a real shell of this computer. Folders of the test stand for those of
 * its user, and there is no systemd of that user: nothing of whoever runs this is touched.
 */
const test = base.extend<{ computer: Computer }>({
  // After the shell: it has folders of its own.
  computer: async ({ shell: _shell, work }, use) => {
    const folders = { HOME: 'home', TMPDIR: 'tmp', XDG_RUNTIME_DIR: 'run' };
    const before = Object.fromEntries(Object.keys(folders).map((name) => [name, process.env[name]]));
    for (const [name, folder] of Object.entries(folders)) {
      await mkdir(path.join(work, folder));
      process.env[name] = path.join(work, folder);
    }
    const leftovers = async () =>
      (await readdir(path.join(work, 'tmp'))).filter((name) => name.startsWith('outrunner.'));
    await use({ home: path.join(work, 'home'), leftovers });
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  },
});
test.skip(process.platform !== 'linux', 'launchd would start it for whoever runs this, whatever HOME says');

async function runHere({ page }: ShellUnderTest, name: string): Promise<Locator> {
  await page.getByRole('button', { name: 'System menu' }).click();
  await page.getByRole('menuitem', { name: 'Runner Management' }).click();
  await page.getByText('Create Runner').first().click();
  await fillWizard(page, name);
  await page.getByRole('button', { name: 'Run on this computer' }).click();
  return page.getByRole('dialog', { name: `Run ${name} on this computer` });
}

test('a hosted coordinator’s Runner is installed here, and runs without a service where nothing starts one', async ({
  shell,
  coordinator,
  computer,
  work,
}) => {
  shell.answers.button = 1;
  const dialog = await runHere(shell, 'desk');
  const question = { message: 'Install the Runner desk on this computer?', buttons: ['Install', 'Cancel'] };
  const asked = () => shell.answers.seen.filter(({ what }) => what === 'message box').at(-1)?.detail;
  await expect.poll(asked).toMatchObject(question);
  const button = shell.page.getByRole('button', { name: 'Run on this computer' });
  await expect(button).not.toHaveAttribute('data-loading');
  await expect(dialog).toBeHidden();
  expect(await readdir(computer.home)).toEqual([]);
  shell.answers.button = 0;
  await button.click();
  await expect(dialog.getByText(/^On this computer \(/)).toBeVisible();
  const status = async () => (await coordinator.api.call('listRunners', {})).items[0]?.status;
  try {
    await expect.poll(status, { timeout: 60_000 }).toBe('Healthy');
    await expect(dialog.getByText(/runs in the background, until this computer is restarted/).first()).toBeVisible();
    await expect(dialog.getByRole('button', { name: 'Close' }).last()).toBeVisible();
    await lookTwice(shell.page, 'run-here-console');
    expect(await computer.leftovers()).toEqual([]);
    await expect.poll(async () => await readdir(path.join(work, 'user', 'ssh-installs'))).toEqual([]);
  } finally {
    // It goes on by itself, as it should.
    await startProgram(packedAgent(), ['service', 'uninstall', '--user', '--purge']).ended;
  }
  await expect.poll(status).toBe('Down');
  expect(await readdir(path.join(computer.home, '.config'))).not.toContain('outrunner-agent');
});

test('with the console closed in the middle nothing is left on this computer', async ({ shell, computer, work }) => {
  await runHere(shell, 'desk');
  await expect.poll(() => computer.leftovers(), { intervals: [50] }).toHaveLength(1);
  await shell.quit();
  await expect.poll(() => computer.leftovers()).toEqual([]);
  expect(existsSync(path.join(work, 'user', 'ssh-installs'))).toBe(false);
});
