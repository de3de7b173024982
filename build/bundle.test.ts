import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isNode, parseSourceFile, type SyntaxNode, walk } from './architecture/source-file.ts';
import { BUNDLES, type Bundle, bundle, OPTIONAL_NATIVE } from './bundle.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-bundle-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a bundle still asks for when it runs: its imports, and what it gives to `require`. */
async function stillNeeds(what: Bundle): Promise<Set<string>> {
  const path = join(folder, what.output);
  await bundle(what, path);
  const file = parseSourceFile(path, await readFile(path, 'utf8'));
  const found = new Set(file.imports.map((each) => each.specifier));
  if (file.program) walk(file.program, (node) => addRequire(node, found));
  return found;
}

function addRequire(node: SyntaxNode, found: Set<string>): void {
  if (node.type !== 'CallExpression' || !isNode(node.callee)) return;
  if (!/require$/i.test(String(node.callee.name ?? ''))) return;
  const [first] = Array.isArray(node.arguments) ? (node.arguments as unknown[]) : [];
  if (isNode(first) && typeof first.value === 'string') found.add(first.value);
}

const notOfNode = (needs: Set<string>) =>
  [...needs].filter((name) => !isBuiltin(name) && !OPTIONAL_NATIVE.some((native) => native.test(name)));

describe('a bundle is complete', () => {
  it('the agent asks for nothing but Node, so that its executable runs alone', async () => {
    expect(notOfNode(await stillNeeds(BUNDLES.agent))).toEqual([]);
  });

  it('the coordinator asks for nothing but Node', async () => {
    expect(notOfNode(await stillNeeds(BUNDLES.coordinator))).toEqual([]);
  });

  it('an installation over SSH asks for nothing but Node', async () => {
    expect(notOfNode(await stillNeeds(BUNDLES.sshInstall))).toEqual([]);
  });

  it('the main process asks for nothing but Node and Electron', async () => {
    expect(notOfNode(await stillNeeds(BUNDLES.electronMain))).toEqual(['electron']);
  });

  it('the preload script asks for nothing but Electron, because its sandbox has nothing else', async () => {
    expect([...(await stillNeeds(BUNDLES.electronPreload))]).toEqual(['electron']);
  });
});
