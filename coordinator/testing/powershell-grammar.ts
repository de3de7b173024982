import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type * as treeSitter from '@vscode/tree-sitter-wasm';

export interface PowershellTree {
  /** Where the grammar found something that is no PowerShell: line and text. */
  readonly mistakes: readonly string[];
  /** Kinds and texts of all nodes, in order. */
  readonly nodes: readonly { readonly kind: string; readonly text: string }[];
}

/** Reads PowerShell with a grammar that is not ours (tree-sitter, as editors use it): there is no pwsh where tests run. */
export async function powershellParser(): Promise<(text: string) => PowershellTree> {
  const require = createRequire(import.meta.url);
  const { Parser, Language } = require('@vscode/tree-sitter-wasm') as typeof treeSitter;
  await Parser.init();
  const grammar = require.resolve('@vscode/tree-sitter-wasm/wasm/tree-sitter-powershell.wasm');
  const parser = new Parser();
  parser.setLanguage(await Language.load(await readFile(grammar)));
  return (text) => {
    const tree = parser.parse(text);
    if (tree === null) throw new Error('the grammar gave no tree');
    const mistakes: string[] = [];
    const nodes: { kind: string; text: string }[] = [];
    const visit = (node: treeSitter.Node): void => {
      if (node.isError || node.isMissing)
        mistakes.push(`line ${node.startPosition.row + 1}: ${node.text.slice(0, 80)}`);
      nodes.push({ kind: node.type, text: node.text });
      for (const child of node.children) if (child !== null) visit(child);
    };
    visit(tree.rootNode);
    tree.delete();
    return { mistakes, nodes };
  };
}
