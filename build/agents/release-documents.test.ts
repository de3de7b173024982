import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUNDLES, bundle } from '../bundle.ts';
import { nodeFacts } from './base-runtime.ts';
import { type BundledPackage, bundledPackages } from './bundled-packages.ts';
import { softwareBill, writeReleaseDocuments } from './release-documents.ts';

let folder: string;
let packages: readonly BundledPackage[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-documents-'));
  packages = await bundledPackages(await bundle(BUNDLES.agent, join(folder, 'agent.cjs')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const nodes = () => Promise.all([nodeFacts(process.versions.node, () => undefined)]);

describe('the packages of a bundle', () => {
  it('are those that the agent uses, each with a licence and the hash of the lockfile, and not what is only installed', () => {
    const names = packages.map((each) => each.name);
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(['commander', 'ws', 'zod']));
    for (const other of ['react', 'vitest', 'electron', 'fastify', 'rolldown']) expect(names).not.toContain(other);
    for (const each of packages) {
      expect(each.licence, each.name).toMatch(/^(?:MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD)$/);
      expect(each.licenceText.length, each.name).toBeGreaterThan(500);
      expect(each.sha512, each.name).toMatch(/^[0-9a-f]{128}$/);
    }
  });

  it('are refused when one does not say its licence', async () => {
    const nameless = join(folder, 'node_modules', 'nameless');
    await mkdir(nameless, { recursive: true });
    await writeFile(join(nameless, 'package.json'), JSON.stringify({ name: 'nameless', version: '1.0.0' }));
    await expect(bundledPackages([join(nameless, 'main.js')])).rejects.toThrow(/nameless.*licence/);
  });
});

describe('the documents of a release', () => {
  it('list every part once, with references that lead somewhere', async () => {
    const bill = softwareBill({ packages, nodes: await nodes(), executables: [] });
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
    expect(bill.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const node = bill.components.find((each) => each.name === 'node');
    expect(node?.components?.map((part) => part.name)).toEqual(
      expect.arrayContaining(['openssl', 'v8', 'sqlite', 'uv']),
    );
    const parts = [...bill.components, ...(node?.components ?? [])].map((each) => each['bom-ref']);
    expect(new Set(parts).size).toBe(parts.length);
    const known = new Set([bill.metadata.component['bom-ref'], ...parts]);
    for (const { ref, dependsOn } of bill.dependencies) {
      for (const each of [ref, ...dependsOn]) expect(known).toContain(each);
    }
  });

  it('are the same each time, and are what the manifest is told of them', async () => {
    const contents = { packages, nodes: await nodes(), executables: [] };
    const listed = await writeReleaseDocuments(contents, folder);
    expect(await writeReleaseDocuments(contents, folder)).toEqual(listed);
    expect(listed.map((each) => each.file)).toEqual(['sbom.cdx.json', 'LICENSES.txt']);
    for (const { file, size, sha256 } of listed) {
      const content = await readFile(join(folder, file));
      expect(content.length).toBe(size);
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    }
    const text = await readFile(join(folder, 'LICENSES.txt'), 'utf8');
    for (const { name, version } of packages) expect(text).toContain(`\n${name} ${version}\n`);
    expect(text).toContain('OpenSSL');
    expect(text).toContain('Apache License');
  });
});
