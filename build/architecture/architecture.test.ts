import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dirname } from 'node:path/posix';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../paths.ts';
import { barrels, emptyNames, longFiles, missingReadmes, wrongSyntax } from './conventions.ts';
import { type Violation, wrongImports } from './rooms.ts';
import { parseSourceFile, readSourceFiles, type SourceFile } from './source-file.ts';

/** One line per violation, so that the failure of the test is the list of what to mend. */
const lines = (violations: readonly Violation[]) => violations.map(({ where, why }) => `${where}: ${why}`);

describe('this repository', () => {
  let files: SourceFile[];
  beforeAll(async () => {
    files = await readSourceFiles(ROOT);
  });

  it('has been read at all', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.map((file) => file.path)).toContain('protocol/release.ts');
    expect(files.map((file) => file.path)).toContain('build/architecture/architecture.test.ts');
  });

  it('imports down the list of rooms, never up or sideways', () => {
    expect(lines(files.flatMap(wrongImports))).toEqual([]);
  });

  it('has no file that is too long', () => {
    expect(lines(files.flatMap(longFiles))).toEqual([]);
  });

  it('has no folder or file whose name says nothing', () => {
    expect(lines(files.flatMap(emptyNames))).toEqual([]);
  });

  it('has no barrels', () => {
    expect(lines(files.flatMap(barrels))).toEqual([]);
  });

  it('says in each room and larger folder what lives there', () => {
    const folders = new Set(files.flatMap((file) => [dirname(file.path), file.path.split('/')[0] ?? '']));
    const readmes = new Set([...folders].filter((folder) => existsSync(join(ROOT, folder, 'README.md'))));
    expect(lines(missingReadmes(files, readmes))).toEqual([]);
  });

  it('believes no unchecked JSON, takes time from the Clock, and hides no test', () => {
    expect(lines(files.flatMap(wrongSyntax))).toEqual([]);
  });
});

describe('the rule about imports', () => {
  const why = (path: string, text: string) => wrongImports(parseSourceFile(path, text)).map((each) => each.why);

  it.each([
    ['agent/run.ts', "import { open } from '../coordinator/open.ts';"],
    ['coordinator/a/b.ts', "export { x } from '../../agent/x.ts';"],
    ['renderer/a.tsx', "const x = await import('../electron/window.ts');"],
    ['renderer/a.tsx', "import type { X } from '../coordinator/x.ts';"],
    ['protocol/a.ts', "import { x } from '../agent/x.ts';"],
    ['agent/run.test.ts', "import { x } from '../coordinator/x.ts';"],
  ])('finds what goes up or sideways: %s with %s', (path, text) => {
    expect(why(path, text)).toEqual([expect.stringMatching(/does not know/)]);
  });

  it.each([
    ['protocol/a.ts', "import { join } from 'node:path';"],
    ['protocol/a.ts', "import _ from 'lodash';"],
    ['renderer/colour.pure.ts', "import { useState } from 'react';"],
    ['renderer/colour.pure.ts', "import { x } from './not-pure.ts';"],
    ['renderer/a.ts', "import { join } from 'node:path';"],
    ['agent/a.ts', "import type { App } from 'electron';"],
    ['electron/window.ts', "import { app, type App } from 'electron';"],
    ['electron/window.ts', "import 'electron';"],
  ])('finds what does not exist everywhere: %s with %s', (path, text) => {
    expect(why(path, text)).toHaveLength(1);
  });

  it.each([
    [
      'agent/run.ts',
      "import { x } from '../protocol/x.ts'; import { WebSocket } from 'ws'; import { y } from './y.ts';",
    ],
    ['protocol/a.test.ts', "import fc from 'fast-check'; import { it } from 'vitest'; import { z } from 'zod';"],
    ['renderer/a.test.tsx', "import { join } from 'node:path'; import { find } from '../build/find.ts';"],
    ['electron/window.ts', "import type { App } from 'electron';"],
    ['electron/window.ts', "import { type App } from 'electron';"],
    ['electron/main.ts', "import { app } from 'electron';"],
    ['renderer/colour.pure.ts', "import { x } from '../protocol/x.ts'; import { y } from './other.pure.ts';"],
    ['e2e/a.spec.ts', "import { x } from '../coordinator/x.ts'; import { y } from '../agent/y.ts';"],
    ['vitest.config.ts', "import { x } from './build/x.ts';"],
  ])('lets pass what goes down: %s with %s', (path, text) => {
    expect(why(path, text)).toEqual([]);
  });
});

describe('the conventions', () => {
  const found = (path: string, text: string) => wrongSyntax(parseSourceFile(path, text)).map((each) => each.where);

  it('find a file of 501 lines and let one of 500 pass', () => {
    expect(longFiles(parseSourceFile('agent/a.ts', 'f();\n'.repeat(501)))).toHaveLength(1);
    expect(longFiles(parseSourceFile('agent/a.ts', 'f();\n'.repeat(500)))).toEqual([]);
    expect(longFiles(parseSourceFile('renderer/a.css', '\n'.repeat(501)))).toHaveLength(1);
  });

  it('find names that say nothing, as folder or file', () => {
    for (const path of ['agent/utils/x.ts', 'agent/helpers.ts', 'agent/types.ts', 'agent/shared.test.ts']) {
      expect(emptyNames(parseSourceFile(path, '')), path).toHaveLength(1);
    }
    expect(emptyNames(parseSourceFile('agent/byte-size.ts', ''))).toEqual([]);
  });

  it('find barrels', () => {
    expect(
      barrels(parseSourceFile('agent/all.ts', "export * from './a.ts'; export { b } from './b.ts';")),
    ).toHaveLength(1);
    expect(barrels(parseSourceFile('agent/index.ts', 'export const a = 1;'))).toHaveLength(1);
    expect(barrels(parseSourceFile('agent/a.ts', "export { b } from './b.ts'; export const a = 1;"))).toEqual([]);
  });

  it('want a README in rooms and in folders of more than eight files', () => {
    const many = Array.from({ length: 9 }, (_, index) => parseSourceFile(`agent/run/f${index}.ts`, ''));
    const tests = Array.from({ length: 9 }, (_, index) => parseSourceFile(`agent/keys/f${index}.test.ts`, ''));
    const missing = missingReadmes([...many, ...tests], new Set()).map((each) => each.where);
    expect(missing).toEqual(['agent/ has no README.md', 'agent/run/ has no README.md']);
    expect(missingReadmes(many.slice(1), new Set(['agent']))).toEqual([]);
  });

  it('find casts of JSON.parse, but not to unknown', () => {
    expect(found('agent/a.ts', 'const x = JSON.parse(text) as Foo;')).toEqual([
      'agent/a.ts:1 casts the result of JSON.parse',
    ]);
    expect(found('agent/a.ts', 'const x = JSON.parse(text) as unknown; const y = f(text) as Foo;')).toEqual([]);
  });

  it('find time that does not come from the Clock, in the programs', () => {
    expect(found('agent/a.ts', 'f();\nsetTimeout(g, Date.now());')).toEqual([
      'agent/a.ts:2 takes the time of the host',
      'agent/a.ts:2 takes the time of the host',
    ]);
    expect(found('coordinator/a.ts', 'const x = new Date();')).toHaveLength(1);
    expect(found('coordinator/a.ts', 'const x = new Date(5); socket.setTimeout(5); clock.now();')).toEqual([]);
    expect(found('renderer/a.ts', 'setTimeout(f, 5);')).toEqual([]);
  });

  it.each([
    "it.only('a', f)",
    "describe.only('a', f)",
    "test.concurrent.only('a', f)",
    "it.skip('a', f)",
    "it.todo('a')",
    'test.skip()',
    'test.skip(condition)',
    'test.skip(condition, () => f())',
    "it.skipIf(condition)('a', f)",
    'context.skip()',
  ])('find hidden tests: %s', (text) => {
    expect(found('agent/a.test.ts', text)).toHaveLength(1);
  });

  it.each([
    "test.skip(condition, 'Electron is not installed')",
    "it.skipIf(condition)('a (needs nftables)', f)",
    "test.skip(reason !== null, reason ?? '')",
    "context.skip('no nftables')",
    "it('a', f)",
    'list.only(x)',
    'reader.skip(5)',
  ])('let reasons pass: %s', (text) => {
    expect(found('agent/a.test.ts', text)).toEqual([]);
  });
});
