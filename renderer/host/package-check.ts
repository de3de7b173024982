import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { executableFor, type ReleaseManifest, ReleaseManifestSchema, releaseBytes } from '../../protocol/release.ts';

export interface ReceivedPackage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly platform: PlatformTarget;
  /** `Content-Digest` of the answer (RFC 9530): `sha-256=:<base64>:`. */
  readonly contentDigest: string | null;
  /** `X-Outrunner-Executable-Range`: first and last byte of the compressed executable inside the package. */
  readonly executableRange: string | null;
  /** The signed text of the release and its signature, as `GET /packages` gives them. */
  readonly manifest: string | null;
  readonly signature: string | null;
}

export interface CheckedPackage {
  /** Of the whole package, hexadecimal. */
  readonly sha256: string;
  /** Signed with a development key: it vouches for nothing beyond the machine that built it. */
  readonly development: boolean;
}

/**
 * Checks a downloaded package: it arrived whole, the release's manifest is signed by the release key, and the executable
 * inside is the one that the manifest names.
 * @throws OutrunnerError `download-refused` that says which of these failed.
 */
export async function checkPackage(received: ReceivedPackage): Promise<CheckedPackage> {
  const { bytes, platform } = received;
  const sha256 = await sha256Of(bytes);
  if (received.contentDigest !== null && digestOf(received.contentDigest) !== sha256) {
    throw refuse('The bytes that arrived do not have the SHA-256 that the coordinator stated.');
  }
  const manifest = await signedManifest(received);
  const executable = executableFor(manifest, platform);
  if (executable === undefined) throw refuse(`The signed release has no executable for ${platform}.`);
  const range = /^(\d+)-(\d+)$/.exec(received.executableRange ?? '');
  if (range === null) throw refuse('The coordinator did not say where in the package the executable is.');
  const segment = bytes.subarray(Number(range[1]), Number(range[2]) + 1);
  if (segment.length !== executable.compressed.size || (await sha256Of(segment)) !== executable.compressed.sha256) {
    throw refuse('The executable in the package is not the one that was signed.');
  }
  return { sha256, development: manifest.development };
}

async function signedManifest({ manifest: text, signature }: ReceivedPackage) {
  if (text === null || signature === null) throw refuse('The coordinator has no signed release.');
  const came = jsonOf(text);
  const parsed = ReleaseManifestSchema.safeParse(came);
  if (!parsed.success) throw refuse('The manifest of the release cannot be read.', parsed.error);
  const manifest = parsed.data;
  const raw = fromBase64(manifest.key.publicKey);
  if (!(await sha256Of(raw)).startsWith(manifest.key.id)) throw refuse('The release key does not have its stated id.');
  const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify']);
  // The bytes of what came, not of what this version understands of it: a later one may have signed more fields.
  const bytes = releaseBytes(came as ReleaseManifest);
  if (!(await crypto.subtle.verify('Ed25519', key, fromBase64(signature), bytes))) {
    throw refuse('The signature of the release does not fit the release key.');
  }
  return manifest;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse('The manifest of the release cannot be read.', cause);
  }
}

/** The SHA-256 of a `Content-Digest` header, hexadecimal; empty when it has none. */
function digestOf(header: string): string {
  const value = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/.exec(header)?.[1];
  return value === undefined ? '' : hex(fromBase64(value));
}

async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Decodes base64 or base64url, padded or not. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

function refuse(detail: string, cause?: unknown): OutrunnerError {
  return new OutrunnerError('download-refused', { detail, cause });
}
