import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hostTarget, provideBaseRuntime } from './base-runtime.ts';
import { stripElf } from './strip-elf.ts';

const linux = process.platform === 'linux';

it.skipIf(!linux)('takes a tenth or more from a runtime, which runs as before (needs Linux)', async () => {
  const { path, version } = await provideBaseRuntime(hostTarget(), () => undefined);
  const folder = await mkdtemp(join(tmpdir(), 'outrunner-strip-'));
  try {
    const whole = await readFile(path);
    const stripped = stripElf(whole);
    expect(stripped.length).toBeLessThan(whole.length * 0.9);
    const output = join(folder, 'node');
    await writeFile(output, stripped, { mode: 0o755 });
    const program = "require('node:sqlite'); require('node:crypto').randomBytes(8); console.log(process.versions.node)";
    expect(execFileSync(output, ['-e', program], { encoding: 'utf8' }).trim()).toBe(version);
    // There is nothing left to take.
    expect(stripElf(stripped).equals(stripped)).toBe(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('refuses what is no such program', () => {
  expect(() => stripElf(Buffer.from('MZ'))).toThrow('not a 64-bit little-endian ELF');
});
