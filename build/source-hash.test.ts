import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sourceHash } from './source-hash.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'outrunner-sources-'));
  await mkdir(join(root, 'agent', 'run'), { recursive: true });
  await writeFile(join(root, 'agent', 'main.ts'), 'main');
  await writeFile(join(root, 'agent', 'run', 'step.ts'), 'step');
  await writeFile(join(root, 'package-lock.json'), '{}');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const hash = () => sourceHash(['agent', 'package-lock.json'], root);

it('changes with the content, the name and the number of files', async () => {
  const hashes = [await hash()];
  await writeFile(join(root, 'agent', 'run', 'step.ts'), 'changed');
  hashes.push(await hash());
  await writeFile(join(root, 'agent', 'run', 'other.ts'), 'changed');
  hashes.push(await hash());
  await rm(join(root, 'agent', 'run', 'step.ts'));
  hashes.push(await hash());
  await writeFile(join(root, 'package-lock.json'), '{"a":1}');
  hashes.push(await hash());
  expect(new Set(hashes).size).toBe(hashes.length);
});

it('does not change with times, tests and notes', async () => {
  const before = await hash();
  await utimes(join(root, 'agent', 'main.ts'), 1, 1);
  await writeFile(join(root, 'agent', 'main.test.ts'), 'a test');
  await writeFile(join(root, 'agent', 'README.md'), 'a note');
  expect(await hash()).toBe(before);
});

it('does not confuse the end of one file with the beginning of the next', async () => {
  await writeFile(join(root, 'agent', 'a.ts'), 'xy');
  await writeFile(join(root, 'agent', 'b.ts'), 'z');
  const before = await hash();
  await writeFile(join(root, 'agent', 'a.ts'), 'x');
  await writeFile(join(root, 'agent', 'b.ts'), 'yz');
  expect(await hash()).not.toBe(before);
});
