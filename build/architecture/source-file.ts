import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { parseSync } from 'rolldown/utils';

/** An import or re-export of a file, as it stands in the source. */
export interface ImportOfFile {
  readonly specifier: string;
  /** True for `import type` and for imports whose every name is a type: nothing of it is left when the code runs. */
  readonly typeOnly: boolean;
}

/** A file of the repository, with forward slashes and relative to the root, and what the rules want to know of it. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly ImportOfFile[];
  /** Number of re-exports, and whether there is anything else in the file. */
  readonly reExports: number;
  readonly ownStatements: number;
  /** The syntax tree of a script; undefined for a style sheet. */
  readonly program: SyntaxNode | undefined;
}

/** A node of the syntax tree, as far as the rules look at it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

const SCRIPTS = new Set(['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs']);
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'test-results', 'playwright-report', 'coverage']);

/** Every script and style sheet below the root, parsed. Folders whose name starts with a dot are none of ours. */
export async function readSourceFiles(root: string): Promise<SourceFile[]> {
  const paths = await pathsBelow(root);
  return Promise.all(
    paths.sort().map(async (path) => {
      const name = relative(root, path).split(sep).join('/');
      return parseSourceFile(name, await readFile(path, 'utf8'));
    }),
  );
}

async function pathsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        return entry.name.startsWith('.') || SKIPPED_FOLDERS.has(entry.name) ? [] : pathsBelow(path);
      }
      return SCRIPTS.has(extname(entry.name)) || extname(entry.name) === '.css' ? [path] : [];
    }),
  );
  return found.flat();
}

/** Parses one file. @throws when a script cannot be parsed: then no rule could be checked. */
export function parseSourceFile(path: string, text: string): SourceFile {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (!SCRIPTS.has(extname(path))) {
    return { path, text, lines, imports: [], reExports: 0, ownStatements: 0, program: undefined };
  }
  const { module, program, errors } = parseSync(path, text);
  const [error] = errors;
  if (error) throw new Error(`${path} cannot be parsed: ${error.message}`);
  const imports: ImportOfFile[] = [];
  for (const each of module.staticImports) {
    const typeOnly = each.entries.length > 0 && each.entries.every((entry) => entry.isType);
    imports.push({ specifier: each.moduleRequest.value, typeOnly });
  }
  let reExports = 0;
  for (const entry of module.staticExports.flatMap((each) => each.entries)) {
    if (!entry.moduleRequest) continue;
    reExports += 1;
    imports.push({ specifier: entry.moduleRequest.value, typeOnly: entry.isType });
  }
  for (const each of module.dynamicImports) {
    const literal = /^(['"`])(.*)\1$/s.exec(text.slice(each.moduleRequest.start, each.moduleRequest.end));
    if (literal?.[2] !== undefined) imports.push({ specifier: literal[2], typeOnly: false });
  }
  const body = program.body as unknown as readonly SyntaxNode[];
  const ownStatements = body.filter((node) => !isReExport(node) && node.type !== 'ImportDeclaration').length;
  return { path, text, lines, imports, reExports, ownStatements, program: program as unknown as SyntaxNode };
}

function isReExport(node: SyntaxNode): boolean {
  return node.type === 'ExportAllDeclaration' || (node.type === 'ExportNamedDeclaration' && Boolean(node.source));
}

/** Calls `visit` for each node of the tree, parents first. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (isNode(child)) walk(child, visit);
    }
  }
}

/** Whether a value of the tree is a node. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Line number of an offset, from 1. */
export function lineAt(file: SourceFile, offset: number): number {
  return file.text.slice(0, offset).split('\n').length;
}
