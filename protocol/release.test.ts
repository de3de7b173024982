import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PLATFORM_TARGETS } from './enrolment.ts';
import {
  AGENT_TARGET_TABLE,
  executableFor,
  type ReleaseManifest,
  ReleaseManifestSchema,
  releaseBytes,
  targetOfHost,
} from './release.ts';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });

const manifests: fc.Arbitrary<ReleaseManifest> = fc.record({
  format: fc.constant(1 as const),
  productVersion: fc.constantFrom('0.1.0', '12.0.0-rc.1'),
  protocolVersion: fc.integer({ min: 1, max: 1000 }),
  builtAt: fc.constantFrom('2026-11-23T00:00:00.000Z', '2030-01-01T12:30:00Z'),
  development: fc.boolean(),
  key: fc.record({ id: hex(16), publicKey: fc.constant('A'.repeat(43)) }),
  executables: fc.array(
    fc.record({
      target: fc.constantFrom(...PLATFORM_TARGETS),
      file: fc.constant('linux-x64/outrunner-agent'),
      size: fc.nat(),
      sha256: hex(64),
      crc32: fc.integer({ min: 0, max: 0xffff_ffff }),
      nodeVersion: fc.constant('24.21.0'),
      compressed: fc.record({
        file: fc.constant('linux-x64/outrunner-agent.gz'),
        encoding: fc.constantFrom('gzip' as const, 'deflate-raw' as const),
        size: fc.nat(),
        sha256: hex(64),
      }),
    }),
    { maxLength: 5 },
  ),
});

const reversedKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversedKeys(inner)]),
  );
};

describe('the bytes that a release key signs', () => {
  it('are the same for a manifest of a build that knew fewer fields, after a schema has read it', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const read = ReleaseManifestSchema.parse(JSON.parse(JSON.stringify(manifest)));
        expect(read.documents).toBeUndefined();
        expect(releaseBytes(read)).toEqual(releaseBytes(manifest));
        const documents = [{ file: 'sbom.cdx.json', size: 1, sha256: '0'.repeat(64) }];
        expect(releaseBytes({ ...manifest, documents })).not.toEqual(releaseBytes(manifest));
      }),
    );
  });

  it('do not depend on the order of the fields', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const shuffled = ReleaseManifestSchema.parse(reversedKeys(manifest));
        expect(releaseBytes(shuffled)).toEqual(releaseBytes(manifest));
      }),
    );
  });

  it('differ for different manifests', () => {
    fc.assert(
      fc.property(manifests, manifests, (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b));
        expect(releaseBytes(a)).not.toEqual(releaseBytes(b));
      }),
    );
  });

  it('survive a round trip through JSON and the schema', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const read = ReleaseManifestSchema.parse(JSON.parse(JSON.stringify(manifest)));
        expect(releaseBytes(read)).toEqual(releaseBytes(manifest));
      }),
    );
  });
});

describe('the release manifest', () => {
  const [manifest] = fc.sample(manifests, { numRuns: 1, seed: 7 });
  if (!manifest) throw new Error('fast-check gave no sample');
  const withFile = (file: string) => ({
    ...manifest,
    executables: [
      {
        target: 'linux-x64',
        file,
        size: 1,
        sha256: 'a'.repeat(64),
        crc32: 0,
        nodeVersion: '24.21.0',
        compressed: { file: 'linux-x64/a.gz', encoding: 'gzip', size: 1, sha256: 'b'.repeat(64) },
      },
    ],
  });

  it('refuses file names that lead out of its folder', () => {
    for (const file of ['../agent', '/etc/passwd', 'a/../../b', 'a\\b', '', '.hidden', 'a//b', 'C:/agent', 'a/./b']) {
      expect(ReleaseManifestSchema.safeParse(withFile(file)).success, file).toBe(false);
    }
    expect(ReleaseManifestSchema.safeParse(withFile('linux-x64/outrunner-agent')).success).toBe(true);
  });

  it('is asked for a target and says when there is none', () => {
    const one = ReleaseManifestSchema.parse(withFile('linux-x64/outrunner-agent'));
    expect(executableFor(one, 'linux-x64')?.file).toBe('linux-x64/outrunner-agent');
    expect(executableFor(one, 'win-x64')).toBeUndefined();
  });
});

describe('the target table', () => {
  it('finds the target of each host and none for others', () => {
    for (const target of PLATFORM_TARGETS) {
      expect(targetOfHost(AGENT_TARGET_TABLE[target].platform, AGENT_TARGET_TABLE[target].arch)).toBe(target);
    }
    expect(targetOfHost('freebsd', 'x64')).toBeUndefined();
    expect(targetOfHost('win32', 'arm64')).toBeUndefined();
  });
});
