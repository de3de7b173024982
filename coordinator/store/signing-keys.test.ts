import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { followKeys } from '../../protocol/trust.ts';
import { isSignedBy } from '../gateway/signatures.ts';
import { SigningKeys } from './signing-keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-keys-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = () => SigningKeys.open(folder);
const read = (name: string) => readFile(join(folder, name), 'utf8');
/** What a state is: the same after a start as before. */
const stateOf = (keys: SigningKeys) => [keys.publicKey, keys.previousKey, keys.succession];

/** All that the folder holds, as one text. */
async function everything(): Promise<string> {
  const names = await readdir(folder);
  return (await Promise.all(names.map(read))).join('\n');
}

/** The lines of a private key that are not the same for all. */
const secretOf = (pem: string) => pem.split('\n')[1]?.slice(-32) ?? '';

it('makes one key, and signs with two while a rotation is open, each of which verifies', () => {
  const keys = open();
  const first = keys.publicKey;
  expect(stateOf(keys)).toEqual([first, null, []]);
  keys.rotate(7);
  const second = keys.publicKey;
  expect(second).not.toBe(first);
  expect(keys.previousKey).toBe(first);
  expect(keys.succession).toMatchObject([{ from: first, to: second, at: 7 }]);
  expect(followKeys(first, keys.succession, isSignedBy)).toEqual([first, second]);
  for (const key of [first, second]) expect(isSignedBy(key, 'grüße', keys.sign('grüße', key))).toBe(true);
  expect(isSignedBy(second, 'x', keys.sign('x'))).toBe(true);
  expect(() => keys.rotate(8)).toThrow(/retired/);
  expect(stateOf(open())).toEqual(stateOf(keys));
});

it('keeps nothing of a key that is retired, and signs with it no more', async () => {
  const keys = open();
  const first = keys.publicKey;
  const secret = secretOf(await read('coordinator-ed25519.pem'));
  keys.rotate(1);
  expect(await everything()).toContain(secret);
  keys.retire();
  expect(await everything()).not.toContain(secret);
  expect(() => keys.sign('x', first)).toThrow(/does not hold/);
  expect(open().previousKey).toBeNull();
  keys.rotate(2);
  keys.retire();
  expect(followKeys(first, open().succession, isSignedBy)).toHaveLength(3);
});

it('lets its user alone read it, and keeps the newest key where older versions look', async () => {
  const keys = open();
  keys.rotate(1);
  for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  const pem = await read('coordinator-ed25519.pem');
  await rm(join(folder, 'coordinator-keys.json'));
  expect(open().publicKey).toBe(keys.publicKey);
  expect(await read('coordinator-ed25519.pem')).toBe(pem);
});

describe('a crash leaves the keys of before or of after', () => {
  it.each([
    ['a rotation', (keys: SigningKeys) => keys.rotate(2)],
    ['a retirement', (keys: SigningKeys) => keys.retire()],
  ])('between any two writes of %s', async (_, change) => {
    const keys = open();
    keys.rotate(1);
    if (change.toString().includes('rotate')) keys.retire();
    const before = { json: await read('coordinator-keys.json'), pem: await read('coordinator-ed25519.pem') };
    const old = stateOf(keys);
    change(keys);
    const after = { json: await read('coordinator-keys.json'), pem: await read('coordinator-ed25519.pem') };
    // Half of the new file beside; all of it beside; in place, with the other file as it was, half, or whole beside it.
    const cuts = [
      { ...before, 'json.new': after.json.slice(0, 100), is: old },
      { ...before, 'json.new': after.json, is: old },
      { ...before, json: after.json, is: stateOf(keys) },
      { ...before, json: after.json, 'pem.new': after.pem.slice(0, 20), is: stateOf(keys) },
      { ...before, json: after.json, 'pem.new': after.pem, is: stateOf(keys) },
    ];
    for (const cut of cuts) {
      for (const name of await readdir(folder)) await rm(join(folder, name));
      const put = (name: string, text: string | undefined) =>
        text === undefined ? undefined : writeFile(join(folder, name), text, { mode: 0o600 });
      await put('coordinator-keys.json', cut.json);
      await put('coordinator-ed25519.pem', cut.pem);
      await put('coordinator-keys.json.new', 'json.new' in cut ? cut['json.new'] : undefined);
      await put('coordinator-ed25519.pem.new', 'pem.new' in cut ? cut['pem.new'] : undefined);
      expect(stateOf(open())).toEqual(cut.is);
      expect((await readdir(folder)).toSorted()).toEqual(['coordinator-ed25519.pem', 'coordinator-keys.json']);
      expect(await read('coordinator-ed25519.pem')).toBe(JSON.parse(await read('coordinator-keys.json')).current);
    }
  });

  it('whenever it is killed', { timeout: 120_000 }, async () => {
    const program = join(import.meta.dirname, 'test-programs', 'rotate-until-killed.ts');
    for (const wanted of [1, 7, 20, 33]) {
      const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
      onTestFinished(() => void child.kill('SIGKILL'));
      const gone = once(child, 'close');
      const lines: string[] = [];
      let rest = '';
      child.stdout.on('data', (chunk) => {
        const parts = `${rest}${chunk}`.split('\n');
        rest = parts.pop() ?? '';
        lines.push(...parts);
        if (lines.length >= wanted) child.kill('SIGKILL');
      });
      await gone;
      const keys = open();
      // What it said is at most one change old: the one in which it was killed may have been made.
      const last = JSON.parse(lines.at(-1) ?? '');
      const links = keys.succession.length;
      expect([last.links, last.links + 1]).toContain(links);
      if (links === last.links) expect([last.previous, null]).toContain(keys.previousKey);
      expect(followKeys(last.first, keys.succession, isSignedBy).at(-1)).toBe(keys.publicKey);
      for (const key of [keys.publicKey, keys.previousKey]) {
        if (key !== null) expect(isSignedBy(key, 'x', keys.sign('x', key))).toBe(true);
      }
      expect(await readdir(folder)).toHaveLength(2);
    }
  });
});

it.each([
  ['is no JSON', 'half'],
  ['is of another version', '{"version": 2}'],
])('says which file is damaged when it %s', async (_, text) => {
  open().rotate(1);
  await writeFile(join(folder, 'coordinator-keys.json'), text);
  expect(open).toThrow(/coordinator-keys\.json is damaged/);
});

it('takes no keys that do not belong together', async () => {
  const keys = open();
  keys.rotate(1);
  const file = JSON.parse(await read('coordinator-keys.json'));
  for (const wrong of [
    { ...file, current: file.previous },
    { ...file, previous: file.current },
    { ...file, succession: [] },
  ]) {
    await writeFile(join(folder, 'coordinator-keys.json'), JSON.stringify(wrong));
    expect(open).toThrow(/is damaged/);
  }
});
