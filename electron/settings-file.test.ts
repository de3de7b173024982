import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openJsonFile, SettingsSchema } from './settings-file.ts';

let folder: string;
let path: string;
const reports: string[] = [];
const openSettings = () => openJsonFile(path, SettingsSchema, (message) => reports.push(message));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-settings-'));
  path = join(folder, 'inner', 'settings.json');
  reports.length = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('starts with defaults, and reads back what was saved', async () => {
  const settings = await openSettings();
  expect(settings.value).toEqual({ version: 1, active: 'embedded', profiles: [], theme: 'auto' });
  await settings.save({ ...settings.value, theme: 'dark' });
  expect((await openSettings()).value.theme).toBe('dark');
  expect(reports).toEqual([]);
});

it('is readable by its owner alone and leaves nothing beside it', async () => {
  const settings = await openSettings();
  await settings.save(settings.value);
  if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, 'inner'))).toEqual(['settings.json']);
});

it('writes changes in order: the last one stays', async () => {
  const settings = await openSettings();
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => settings.save({ ...settings.value, embeddedPort: index + 1 })),
  );
  expect((await openSettings()).value.embeddedPort).toBe(20);
});

it('puts a file aside that it cannot understand, says so, and starts with defaults', async () => {
  await mkdir(join(folder, 'inner'));
  for (const broken of ['{"theme": "pink"}', '{"half":', '[]']) {
    reports.length = 0;
    await writeFile(path, broken);
    expect((await openSettings()).value.theme).toBe('auto');
    expect(await readFile(`${path}.broken`, 'utf8')).toBe(broken);
    expect(reports[0]).toContain(path);
  }
});

it('tells whoever saved when the file cannot be written, and goes on with the next', async () => {
  const settings = await openSettings();
  await writeFile(join(folder, 'inner'), 'a file where the folder should be');
  await expect(settings.save(settings.value)).rejects.toThrow();
  await rm(join(folder, 'inner'));
  await settings.save({ ...settings.value, theme: 'light' });
  expect((await openSettings()).value.theme).toBe('light');
});
