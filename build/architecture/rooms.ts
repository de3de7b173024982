import { dirname, join } from 'node:path/posix';
import type { SourceFile } from './source-file.ts';

/** A broken rule: where, and why the rule exists, so that the message alone says what to do. */
export interface Violation {
  readonly where: string;
  readonly why: string;
}

interface Room {
  /** Rooms below it, which it may import. */
  readonly mayImport: readonly string[];
  readonly because: string;
}

const EVERYTHING = ['protocol', 'agent', 'coordinator', 'renderer', 'electron', 'build', 'bench', 'soak', 'e2e'];

/** The table of `docs/architecture.md`. An import goes down this list, never up or sideways. */
export const ROOMS: Record<string, Room> = {
  e2e: { mayImport: EVERYTHING, because: 'tests of the whole see the whole' },
  soak: { mayImport: EVERYTHING, because: 'long trials try the whole' },
  bench: { mayImport: EVERYTHING, because: 'benchmarks measure the whole' },
  build: {
    mayImport: ['protocol'],
    because: 'the build treats the programs as files, so that it can build any of them alone',
  },
  electron: {
    mayImport: ['protocol'],
    because:
      'the shell is a thin host: it starts the coordinator as a process of its own and shows the console as files',
  },
  renderer: {
    mayImport: ['protocol'],
    because: 'the console speaks to one origin over the API and runs in any browser',
  },
  coordinator: {
    mayImport: ['protocol'],
    because: 'it serves agents and consoles of other versions, and knows of them only what is written in protocol/',
  },
  agent: {
    mayImport: ['protocol'],
    because: 'it is carried into networks that nobody can reach, and holds nothing that it does not need there',
  },
  protocol: { mayImport: [], because: 'it is the ground floor: the words that the others say to each other' },
};

/** Tests of a room may also use the build: they find a browser or an executable with it. */
const ROOMS_FOR_TESTS = ['build'];
/** The only files that touch the running Electron; all others know it as types, and so can be tested without it. */
const ELECTRON_AT_RUN_TIME = /^electron\/(?:main\.ts|preload\.ts|adapters\/.+)$|^e2e\/|^build\//;

/** Imports that the table does not allow. */
export function wrongImports(file: SourceFile): Violation[] {
  return file.imports.flatMap(({ specifier, typeOnly }) => {
    const why = specifier.startsWith('.')
      ? whyNotRelative(file.path, specifier)
      : whyNotPackage(file.path, specifier, typeOnly);
    return why === undefined ? [] : [{ where: `${file.path} imports ${specifier}`, why }];
  });
}

function whyNotRelative(path: string, specifier: string): string | undefined {
  const to = join(dirname(path), specifier);
  const from = roomOf(path);
  const target = roomOf(to);
  if (to.startsWith('..')) return 'this is outside the repository';
  if (from === undefined || target === from) return isPure(path) ? whyNotPure(path, to) : undefined;
  if (target === undefined) return isTest(path) ? undefined : 'files at the root are configuration, not a room';
  const room = ROOMS[from];
  const allowed = [...(room?.mayImport ?? []), ...(isTest(path) ? ROOMS_FOR_TESTS : [])];
  if (!allowed.includes(target)) return `${from}/ does not know ${target}/: ${room?.because}`;
  return isPure(path) ? whyNotPure(path, to) : undefined;
}

function whyNotPure(path: string, to: string): string | undefined {
  if (isTest(path) || isPure(to)) return undefined;
  return 'a *.pure.ts module runs anywhere: it imports only protocol/ and other *.pure.ts modules';
}

function whyNotPackage(path: string, specifier: string, typeOnly: boolean): string | undefined {
  const name = packageOf(specifier);
  if (isPure(path) && !isTest(path) && name !== 'zod') {
    return `${roomOf(path) === 'protocol' ? 'protocol/' : 'a *.pure.ts module'} runs in a page, in Electron and on Node: it imports nothing but zod`;
  }
  if (roomOf(path) === 'renderer' && !isTest(path) && specifier.startsWith('node:')) {
    return 'the console runs in a sandboxed page, where there is no Node';
  }
  if (name === 'electron' && roomOf(path) !== 'electron' && roomOf(path) !== 'e2e') {
    return 'only electron/ knows Electron: everything else runs without it';
  }
  if (name === 'electron' && !typeOnly && !isTest(path) && !ELECTRON_AT_RUN_TIME.test(path)) {
    return 'Electron is imported as a value only in main.ts, preload.ts and adapters/; elsewhere `import type`, so that it can be tested without Electron';
  }
  return undefined;
}

/** First folder of a path, when it is a room. */
export function roomOf(path: string): string | undefined {
  const [first] = path.split('/');
  return first !== undefined && first in ROOMS ? first : undefined;
}

/** Whether a file must be free of Node, DOM and packages: all of `protocol/`, and what says so in its name. */
function isPure(path: string): boolean {
  return roomOf(path) === 'protocol' || /\.pure(?:\.test)?\.ts$/.test(path);
}

/** Whether a file is a test, or there only for tests, and not part of the product. */
export function isTest(path: string): boolean {
  return /\.(?:test|spec)\.tsx?$|^e2e\/|\/(?:testing|test-programs)\//.test(path);
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}
