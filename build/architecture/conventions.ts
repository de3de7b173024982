import { basename, dirname } from 'node:path/posix';
import { isTest, ROOMS, roomOf, type Violation } from './rooms.ts';
import { isNode, lineAt, type SourceFile, type SyntaxNode, walk } from './source-file.ts';

const LONGEST_FILE = 500;
const FILES_WITHOUT_README = 8;
const DUMPING_GROUNDS = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'shared', 'misc', 'types', 'lib']);

/** Files that grew beyond what one can hold in mind. */
export function longFiles(file: SourceFile): Violation[] {
  if (file.lines <= LONGEST_FILE) return [];
  return [
    { where: `${file.path} has ${file.lines} lines`, why: `no file is longer than ${LONGEST_FILE}: split it by idea` },
  ];
}

/** Names that say nothing and so collect everything. */
export function emptyNames(file: SourceFile): Violation[] {
  const parts = file.path.split('/');
  const stem = (parts.pop() ?? '').replace(/\..*$/, '');
  return [...parts, stem]
    .filter((part) => DUMPING_GROUNDS.has(part))
    .map((part) => ({
      where: `${file.path} is called "${part}"`,
      why: 'a name says what is inside; a small thing lives beside its only user, a widely used one gets a name of its own',
    }));
}

/** Files that only pass on what others export. */
export function barrels(file: SourceFile): Violation[] {
  const onlyPassesOn = file.reExports > 0 && file.ownStatements === 0;
  if (!onlyPassesOn && !/^index\.tsx?$/.test(basename(file.path))) return [];
  return [
    {
      where: `${file.path} is a barrel`,
      why: 'import from the file that has the thing: barrels hide where it lives and make import circles',
    },
  ];
}

/** Folders of some size, and all rooms, that do not say what lives in them. `readmes` holds the folders that do. */
export function missingReadmes(files: readonly SourceFile[], readmes: ReadonlySet<string>): Violation[] {
  const counts = new Map<string, number>();
  for (const file of files) {
    if (isTest(file.path) || roomOf(file.path) === undefined) continue;
    const folder = dirname(file.path);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  const rooms = Object.keys(ROOMS).filter((room) => files.some((file) => roomOf(file.path) === room));
  const wanted = new Set(rooms);
  for (const [folder, count] of counts) if (count > FILES_WITHOUT_README) wanted.add(folder);
  return [...wanted]
    .filter((folder) => !readmes.has(folder))
    .map((folder) => ({
      where: `${folder}/ has no README.md`,
      why: 'a room, and a folder of more than eight source files, says in at most 30 lines what lives there, what must not, and where to start',
    }));
}

/** Things that no script does, found in its syntax tree. */
export function wrongSyntax(file: SourceFile): Violation[] {
  const found: Violation[] = [];
  if (!file.program) return found;
  const add = (node: SyntaxNode, what: string, why: string) =>
    found.push({ where: `${file.path}:${lineAt(file, node.start)} ${what}`, why });
  walk(file.program, (node) => {
    if (isUncheckedParse(node)) {
      add(
        node,
        'casts the result of JSON.parse',
        'what comes from outside is checked by a schema of protocol/, not believed',
      );
    }
    if (isTimeOfHost(node) && isProductOfClock(file.path)) {
      add(node, 'takes the time of the host', 'time goes through the injected Clock, so that tests can move it');
    }
    if (!isTest(file.path)) return;
    if (isFocused(node)) add(node, 'runs only this test', 'the others would silently not run');
    if (isSkippedWithoutReason(node)) {
      add(
        node,
        'skips without a reason',
        'a skipped test says why: `test.skip(condition, reason)`, `context.skip(reason)`, or a title with "(needs …)"',
      );
    }
  });
  return found;
}

/** `JSON.parse(…) as T`, unless T is `unknown`, which promises nothing. */
function isUncheckedParse(node: SyntaxNode): boolean {
  if (node.type !== 'TSAsExpression' && node.type !== 'TSTypeAssertion') return false;
  const type = node.typeAnnotation;
  return !(isNode(type) && type.type === 'TSUnknownKeyword') && nameOfCall(node.expression) === 'JSON.parse';
}

const TIME_OF_HOST = new Set(['Date.now', 'performance.now', 'setTimeout', 'setInterval']);

function isTimeOfHost(node: SyntaxNode): boolean {
  const now = node.type === 'NewExpression' && nameOf(node.callee) === 'Date' && argumentsOf(node).length === 0;
  return now || TIME_OF_HOST.has(nameOfCall(node) ?? '');
}

/** The programs with rules about time. The port itself reads the host's clock, and nothing else does. */
function isProductOfClock(path: string): boolean {
  const room = roomOf(path);
  return (
    (room === 'agent' || room === 'coordinator' || room === 'protocol') && !isTest(path) && path !== 'protocol/clock.ts'
  );
}

const TEST_WORDS = /^(?:it|test|describe|suite)(?:\.[a-zA-Z]+)*$/;

function isFocused(node: SyntaxNode): boolean {
  const name = nameOfCall(node);
  return name !== undefined && TEST_WORDS.test(name) && /\.only\b/.test(name);
}

function isSkippedWithoutReason(node: SyntaxNode): boolean {
  if (node.type !== 'CallExpression') return false;
  // `it.skipIf(condition)('title', …)`: the call whose callee is itself a call.
  const inner = nameOfCall(node.callee);
  if (inner !== undefined && TEST_WORDS.test(inner) && /\.(?:skipIf|runIf)$/.test(inner))
    return !saysNeed(argumentsOf(node)[0]);
  const name = nameOfCall(node);
  if (name === undefined || !/\.(?:skip|fixme|todo|fails)$/.test(name)) return false;
  const [first, second] = argumentsOf(node);
  if (!TEST_WORDS.test(name))
    return /(?:context|ctx|task|testInfo)\.skip$/.test(name) && !isText(first) && !isText(second);
  if (isText(first)) return !saysNeed(first);
  // Playwright's `test.skip(condition, reason)`: the reason may be computed.
  return !isNode(second) || second.type.endsWith('FunctionExpression');
}

function saysNeed(node: unknown): boolean {
  return isText(node) && /\((?:needs|only) [^)]+\)/.test(textOf(node));
}

function isText(node: unknown): node is SyntaxNode {
  return (
    isNode(node) && ((node.type === 'Literal' && typeof node.value === 'string') || node.type === 'TemplateLiteral')
  );
}

function textOf(node: SyntaxNode): string {
  if (typeof node.value === 'string') return node.value;
  const quasis = Array.isArray(node.quasis) ? (node.quasis as unknown[]) : [];
  return quasis.map((part) => (isNode(part) ? String((part.value as { raw?: unknown }).raw ?? '') : '')).join('…');
}

function argumentsOf(node: SyntaxNode): readonly unknown[] {
  return Array.isArray(node.arguments) ? (node.arguments as unknown[]) : [];
}

/** Dotted name of what a call calls: `JSON.parse`; undefined for anything else. */
function nameOfCall(node: unknown): string | undefined {
  return isNode(node) && node.type === 'CallExpression' ? nameOf(node.callee) : undefined;
}

function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier' && typeof node.name === 'string') return node.name;
  if (node.type !== 'MemberExpression' || node.computed === true) return undefined;
  const object = nameOf(node.object);
  const property = nameOf(node.property);
  return object === undefined || property === undefined ? undefined : `${object}.${property}`;
}
