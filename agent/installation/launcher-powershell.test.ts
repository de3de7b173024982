import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Language, type Node, Parser } from '@vscode/tree-sitter-wasm';
import { beforeAll, expect, test } from 'vitest';
import { launcherText } from './launcher.ts';

// No PowerShell runs here: an independent grammar reads the launcher, and its rules are those of the launcher for sh.
let parser: Parser;
const TEXT = launcherText('win32');

beforeAll(async () => {
  const folder = dirname(createRequire(import.meta.url).resolve('@vscode/tree-sitter-wasm'));
  await Parser.init({ locateFile: (file) => join(folder, file) });
  parser = new Parser();
  parser.setLanguage(await Language.load(join(folder, 'tree-sitter-powershell.wasm')));
});

/** Where the grammar stumbles. */
function stumbles(text: string): string[] {
  const found: string[] = [];
  const look = (node: Node) => {
    if (node.isError || node.isMissing) found.push(`line ${node.startPosition.row + 1}: ${node.text.slice(0, 60)}`);
    for (const child of node.children) if (child !== null) look(child);
  };
  const tree = parser.parse(text);
  if (tree === null) throw new Error('The grammar gave nothing.');
  look(tree.rootNode);
  return found;
}

test('the launcher for Windows is PowerShell', () => {
  expect(stumbles(TEXT)).toEqual([]);
});

test('the grammar sees what is broken', () => {
  for (const [whole, broken] of [
    ['function Quote($text) {', 'function Quote($text {'],
    ["'trial.late' $trial", "'trial.late $trial"],
    ['} elseif (', '} elseif '],
  ] as const) {
    expect(TEXT).toContain(whole);
    expect(stumbles(TEXT.replace(whole, broken))).not.toEqual([]);
  }
});

test('it is ASCII with the line ends of Windows, and uses nothing that came after PowerShell 5.1', () => {
  expect(TEXT).toMatch(/^[\x20-\x7e\r\n]*$/);
  expect(TEXT.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  // Of later versions: ternary, null-coalescing, pipeline chains, ArgumentList, Kill with the tree.
  expect(TEXT).not.toMatch(/\?\?|&&|\|\||ArgumentList|Kill\(\$true\)| \? /);
});
