import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BUNDLES, bundle } from '../build/bundle.ts';

it('is one CommonJS file that asks for Electron and nothing else: a sandbox has no other modules', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'outrunner-preload-'));
  try {
    const file = join(folder, 'preload.cjs');
    await bundle(BUNDLES.electronPreload, file);
    const text = await readFile(file, 'utf8');
    const required = [...text.matchAll(/\brequire\(([^)]*)\)/g)].map(([, name]) => name);
    expect(required).toEqual(['"electron"']);
    expect(text).not.toMatch(/^\s*(?:import|export)\s/m);
    expect(text).not.toMatch(/\b(?:process\.|Buffer\.|node:)/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('is small enough to be read in one go', async () => {
  const source = await readFile(join(import.meta.dirname, 'preload.ts'), 'utf8');
  expect(source.split('\n').length).toBeLessThan(100);
});
