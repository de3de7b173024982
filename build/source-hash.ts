import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { ROOT } from './paths.ts';

/** Tests, notes and the like: changing them does not change what is built. */
const NOT_BUILT = /\.(?:test|spec)\.tsx?$|\.md$/;

/**
 * One hash over the contents and paths of files and folders below the root of the repository. Contents, not times: a fresh
 * checkout of the same sources is not a reason to build again.
 */
export async function sourceHash(paths: readonly string[], root = ROOT): Promise<string> {
  const files = (await Promise.all(paths.map((path) => filesBelow(join(root, path))))).flat().sort();
  const hash = createHash('sha256');
  const contents = await Promise.all(files.map((file) => readFile(file)));
  for (const [index, file] of files.entries()) {
    const content = contents[index] ?? Buffer.alloc(0);
    hash.update(`${relative(root, file).split(sep).join('/')}\n${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!entries) return [path];
  const below = await Promise.all(
    entries.map(async (entry) => {
      const full = join(path, entry.name);
      if (entry.isDirectory()) return filesBelow(full);
      return entry.isFile() && !NOT_BUILT.test(entry.name) ? [full] : [];
    }),
  );
  return below.flat();
}
