import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundle } from '../bundle.ts';
import { whatGoesInto } from '../ensure-built.ts';
import { loadReleaseKey, type ReleaseKey } from './release-key.ts';
import { releaseTrust, trustDefinitions } from './release-trust.ts';

let folder: string;
let own: ReleaseKey;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-trust-'));
  own = await loadReleaseKey({}, join(folder, 'key.pem'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => void vi.unstubAllEnvs());

const newKey = () => generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '';

describe('the keys that an agent takes updates from', () => {
  it('are the one that signs it, and those that may take over from it, each once', () => {
    const [next, last] = [newKey(), newKey()];
    expect(releaseTrust(own, {})).toEqual([{ publicKey: own.publicKey, development: true }]);
    const env = { OUTRUNNER_RELEASE_TRUST: ` ${next}, ${own.publicKey},${last},,${next}` };
    expect(releaseTrust(own, env)).toEqual([
      { publicKey: own.publicKey, development: true },
      { publicKey: next, development: false },
      { publicKey: last, development: false },
    ]);
  });

  it('are refused with their name when one is no key', () => {
    expect(() => releaseTrust(own, { OUTRUNNER_RELEASE_TRUST: `${newKey()},short` })).toThrow(/"short".*no public key/);
  });

  it('are in what is bundled, and there are none in the sources', async () => {
    const keys = releaseTrust(own, { OUTRUNNER_RELEASE_TRUST: newKey() });
    const what = {
      entry: 'agent/update/trusted-keys.ts',
      output: 'trusted-keys.mjs',
      format: 'esm',
      external: [],
      minify: true,
    } as const;
    const load = async (name: string, definitions?: Record<string, string>) => {
      const file = join(folder, name);
      await bundle(what, file, definitions);
      const { TRUSTED_RELEASE_KEYS } = (await import(pathToFileURL(file).href)) as { TRUSTED_RELEASE_KEYS: unknown };
      return TRUSTED_RELEASE_KEYS;
    };
    expect(await load('with.mjs', trustDefinitions(keys))).toEqual(keys);
    expect(await load('without.mjs')).toEqual([]);
  });

  it('make the executable stale when they change', async () => {
    const before = await whatGoesInto('agents');
    expect(await whatGoesInto('agents')).toBe(before);
    vi.stubEnv('OUTRUNNER_RELEASE_TRUST', newKey());
    const withTrust = await whatGoesInto('agents');
    vi.stubEnv('OUTRUNNER_RELEASE_KEY', own.path);
    expect(new Set([before, withTrust, await whatGoesInto('agents')]).size).toBe(3);
  });
});
