import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { OutrunnerError } from '../../protocol/problems.ts';
import {
  type ReleasedDocument,
  type ReleaseManifest,
  releaseBytes,
  type SignedRelease,
  SignedReleaseSchema,
} from '../../protocol/release.ts';
import type { SmallFile } from './archive.ts';
import { isReleaseSignature, isSshReleaseSignature } from './release-signature.ts';

/** A release whose signatures fit the key that it names. */
export interface Release extends SignedRelease {
  /** `manifest.json` as it was built. */
  readonly text: string;
  /** The manifest in it as it came: its schema may drop what a later build has signed. */
  readonly manifestText: string;
  /** What the release key has signed. */
  readonly signedBytes: Uint8Array;
}

/** The executables that a build left for this coordinator to hand out. */
export interface ReleaseFolder {
  /** What the manifest says; null when nothing is built. @throws OutrunnerError `package-missing` when it is damaged. */
  release(): Promise<Release | null>;
  /**
   * The texts that belong to a release: licences, list of parts.
   * @throws OutrunnerError `package-missing` when one is not what the manifest says.
   */
  documents(release: Release): Promise<readonly SmallFile[]>;
  /** Where a file of the manifest lies. The manifest's schema lets no path leave the folder. */
  pathOf(file: string): string;
}

/** Reads `manifest.json` of `folder`, again whenever it was replaced: a build need not restart the coordinator. */
export function releaseFolder(folder: string): ReleaseFolder {
  const path = join(folder, 'manifest.json');
  const pathOf = (file: string) => join(folder, file);
  let known: { version: string; release: Release } | null = null;
  let read: { release: Release; documents: Promise<readonly SmallFile[]> } | null = null;
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
    async documents(release) {
      if (read?.release !== release) {
        const { documents = [] } = release.manifest;
        const made = { release, documents: Promise.all(documents.map((one) => documentOf(one, pathOf(one.file)))) };
        read = made;
        made.documents.catch(() => {
          if (read === made) read = null;
        });
      }
      return read.documents;
    },
    pathOf,
  };
}

async function documentOf({ file, size, sha256 }: ReleasedDocument, path: string): Promise<SmallFile> {
  const content = await readFile(path).catch(nullIfMissing);
  const found = content === null ? null : createHash('sha256').update(content).digest('hex');
  if (content !== null && content.length === size && found === sha256)
    return { name: basename(file), mode: 0o644, content };
  throw new OutrunnerError('package-missing', { detail: `${path} is not what was released. Build it again.` });
}

const RawSchema = z.looseObject({ manifest: z.looseObject({}) });

function parse(text: string, path: string): Release {
  let detail = `The manifest ${path} is damaged. Build it again.`;
  let cause: unknown;
  try {
    const json: unknown = JSON.parse(text);
    const signed = SignedReleaseSchema.parse(json);
    const raw = RawSchema.parse(json).manifest;
    const signedBytes = releaseBytes(raw as unknown as ReleaseManifest);
    const wrong = wrongSignature(signed, signedBytes);
    if (wrong === null) return { ...signed, text, manifestText: JSON.stringify(raw), signedBytes };
    detail = `The manifest ${path} is damaged: its ${wrong} is not one by the key that it names. Build it again.`;
  } catch (error) {
    cause = error;
  }
  throw new OutrunnerError('package-missing', { detail, cause });
}

/** Which of its signatures does not fit. The one for SSH is in no use here, but install scripts on hosts will rely on it. */
function wrongSignature({ manifest, signature, sshSignature }: SignedRelease, bytes: Uint8Array): string | null {
  const { publicKey } = manifest.key;
  if (!isReleaseSignature(publicKey, bytes, signature)) return 'signature';
  if (sshSignature === undefined || isSshReleaseSignature(publicKey, bytes, sshSignature)) return null;
  return 'SSH signature';
}

function nullIfMissing(error: unknown): null {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
  throw error;
}
