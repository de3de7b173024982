import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Locator } from '@playwright/test';
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

test('a hosted coordinator’s Runner is installed here, says that nothing starts it, and connects when it is started', async ({
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
  await expect(dialog.getByText('install.sh ended with code 32').first()).toBeVisible({ timeout: 60_000 });
  await lookTwice(shell.page, 'run-here-console');
  expect(await computer.leftovers()).toEqual([]);
  await expect.poll(async () => await readdir(path.join(work, 'user', 'ssh-installs'))).toEqual([]);
  // In the problem, whole: of what was printed long lines are cut.
  const said = await dialog
    .getByText(/^install\.sh ended with code 32/)
    .last()
    .textContent();
  const command = /Start it with: (.+)$/.exec(said ?? '')?.[1] ?? 'false';
  expect(command).toContain(computer.home);
  const agent = startProgram('/bin/sh', ['-c', `exec ${command}`]);
  try {
    const status = async () => (await coordinator.api.call('listRunners', {})).items[0]?.status;
    await expect.poll(status, { timeout: 30_000 }).toBe('Healthy');
  } finally {
    await agent.stop();
  }
});

test('with the console closed in the middle nothing is left on this computer', async ({ shell, computer, work }) => {
  await runHere(shell, 'desk');
  await expect.poll(() => computer.leftovers(), { intervals: [50] }).toHaveLength(1);
  await shell.quit();
  await expect.poll(() => computer.leftovers()).toEqual([]);
  expect(existsSync(path.join(work, 'user', 'ssh-installs'))).toBe(false);
});
