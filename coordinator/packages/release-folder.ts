import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OutrunnerError } from '../../protocol/problems.ts';
import { releaseBytes, type SignedRelease, SignedReleaseSchema } from '../../protocol/release.ts';
import { isReleaseSignature } from './release-signature.ts';

/** The executables that a build left for this coordinator to hand out. */
export interface ReleaseFolder {
  /** What the manifest says; null when nothing is built. @throws OutrunnerError `package-missing` when it is damaged. */
  release(): Promise<SignedRelease | null>;
  /** Where a file of the manifest lies. The manifest's schema lets no path leave the folder. */
  pathOf(file: string): string;
}

/** Reads `manifest.json` of `folder`, again whenever it was replaced: a build need not restart the coordinator. */
export function releaseFolder(folder: string): ReleaseFolder {
  const path = join(folder, 'manifest.json');
  let known: { version: string; release: SignedRelease } | null = null;
  return {
    async release() {
      const file = await stat(path).catch(nullIfMissing);
      if (file === null) return null;
      const version = `${file.mtimeMs} ${file.size} ${file.ino}`;
      if (known?.version === version) return known.release;
      const release = parse(await readFile(path, 'utf8'), path);
      known = { version, release };
      return release;
    },
    pathOf: (file) => join(folder, file),
  };
}

function parse(text: string, path: string): SignedRelease {
  let cause: unknown;
  try {
    const parsed = SignedReleaseSchema.safeParse(JSON.parse(text));
    if (parsed.success) {
      const { manifest, signature } = parsed.data;
      if (isReleaseSignature(manifest.key.publicKey, releaseBytes(manifest), signature)) return parsed.data;
      cause = new Error('the signature does not fit');
    } else {
      cause = parsed.error;
    }
  } catch (error) {
    cause = error;
  }
  throw new OutrunnerError('package-missing', { detail: `The manifest ${path} is damaged. Build it again.`, cause });
}

function nullIfMissing(error: unknown): null {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
  throw error;
}
