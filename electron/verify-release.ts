import { createPublicKey, verify } from 'node:crypto';
import { OutrunnerError } from '../protocol/problems.ts';
import { type ReleaseManifest, ReleaseManifestSchema, releaseBytes } from '../protocol/release.ts';

/** What stands before the 32 bytes of an Ed25519 key in DER (SubjectPublicKeyInfo). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export interface VerifiedRelease {
  readonly manifest: ReleaseManifest;
  /** Vouched for by a key that somebody made on their own machine: whole, but not a release. */
  readonly development: boolean;
}

/**
 * Checks the manifest of what a coordinator hands out. `trustedKey` is the release key that this console was built with
 * (raw, base64url); null in a development build, which takes the key that the manifest names and says so.
 * @throws OutrunnerError `download-refused` when the signature does not fit, or fits another key.
 */
export function verifyRelease(manifestText: string, signature: string, trustedKey: string | null): VerifiedRelease {
  const raw = parseJson(manifestText);
  const parsed = ReleaseManifestSchema.safeParse(raw);
  if (!parsed.success) throw refused('The list of what was released cannot be read.', parsed.error);
  const manifest = parsed.data;
  const key = trustedKey ?? manifest.key.publicKey;
  // The bytes of what came, not of what this version understands of it: a later one may have signed more fields.
  const bytes = releaseBytes(raw as ReleaseManifest);
  if (!verify(null, bytes, publicKey(key), Buffer.from(signature, 'base64url'))) {
    throw refused(
      trustedKey === null
        ? 'The signature of the release does not fit its own key.'
        : 'The release is not signed by the key that this console trusts.',
    );
  }
  return { manifest, development: trustedKey === null || manifest.development };
}

function publicKey(raw: string) {
  const bytes = Buffer.from(raw, 'base64url');
  if (bytes.length !== 32) throw refused('The release key is not an Ed25519 key.');
  return createPublicKey({ key: Buffer.concat([ED25519_SPKI, bytes]), format: 'der', type: 'spki' });
}

function refused(detail: string, cause?: unknown): OutrunnerError {
  return new OutrunnerError('download-refused', { detail, cause });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
