import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ElectronPlaces, findElectron, findOrFetchElectron, reasonIn } from './find-electron.ts';
import { openerFor } from './open-browser.ts';

let folder: string;
let places: ElectronPlaces;
let lines: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-electron-'));
  places = { packageFolder: join(folder, 'electron'), stamp: join(folder, 'state', 'not-fetched') };
  await mkdir(places.packageFolder);
  lines = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const script = (text: string) => writeFile(join(places.packageFolder, 'install.js'), text);
const fetchIt = (env = {}) => findOrFetchElectron((line) => lines.push(line), env, places);

describe('the runtime of Electron', () => {
  it('is found where its package says, without importing the package', async () => {
    await mkdir(join(places.packageFolder, 'dist'));
    await writeFile(join(places.packageFolder, 'path.txt'), 'electron');
    expect(await findElectron({}, places)).toBeNull();
    await writeFile(join(places.packageFolder, 'dist', 'electron'), '');
    expect(await findElectron({}, places)).toBe(join(places.packageFolder, 'dist', 'electron'));
    expect(await findElectron({ OUTRUNNER_ELECTRON: join(folder, 'none') }, places)).toBeNull();
  });

  it('is fetched by the script of the package when it is missing', async () => {
    await script(`
      const fs = require('node:fs');
      fs.mkdirSync(__dirname + '/dist');
      fs.writeFileSync(__dirname + '/dist/electron', '');
      fs.writeFileSync(__dirname + '/path.txt', 'electron');
    `);
    expect(await fetchIt()).toBe(join(places.packageFolder, 'dist', 'electron'));
    expect(lines).toEqual([]);
  });

  it('is tried to fetch once, with one line that says why it did not come', async () => {
    await script(`console.error('Error: getaddrinfo ENOTFOUND example.org\\n    at x.js:1'); process.exit(1);`);
    expect(await fetchIt()).toBeNull();
    expect(lines).toEqual([expect.stringContaining('getaddrinfo ENOTFOUND example.org')]);
    expect(await readFile(places.stamp, 'utf8')).toContain('Delete this file');
    await script(`require('node:fs').writeFileSync(__dirname + '/tried-again', '')`);
    expect(await fetchIt()).toBeNull();
    expect(lines).toHaveLength(2);
    expect(existsSync(join(places.packageFolder, 'tried-again'))).toBe(false);
  });

  it('is not looked for elsewhere when it was named', async () => {
    expect(await fetchIt({ OUTRUNNER_ELECTRON: '/nowhere/electron' })).toBeNull();
    expect(lines).toEqual([expect.stringContaining('/nowhere/electron')]);
  });

  it('failed for a reason that fits on one line', () => {
    expect(reasonIn('TypeError: fetch failed')).toBe('fetch failed');
    expect(reasonIn('\n  something\nRequestError: connect ECONNREFUSED 1.2.3.4:443\n at y')).toBe(
      'connect ECONNREFUSED 1.2.3.4:443',
    );
    expect(reasonIn('')).toBe('no reason given');
  });
});

describe('what opens the browser', () => {
  it('is the system’s own program, and nothing where there is no screen', () => {
    expect(openerFor('darwin', {})?.program).toBe('open');
    expect(openerFor('win32', {})?.args('http://x/#ticket=1&2')).toEqual([
      'url.dll,FileProtocolHandler',
      'http://x/#ticket=1&2',
    ]);
    expect(openerFor('linux', { DISPLAY: ':0' })?.program).toBe('xdg-open');
    expect(openerFor('linux', { WAYLAND_DISPLAY: 'wayland-0' })?.program).toBe('xdg-open');
    expect(openerFor('linux', {})).toBeUndefined();
  });
});
