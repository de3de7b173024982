import { z } from 'zod';
import { PLATFORM_TARGETS, type PlatformTarget, PlatformTargetSchema } from './enrolment.ts';
import { PublicKeySchema, SignatureSchema } from './trust-fields.ts';

/**
 * The release manifest: what was built for which platform, and the key that vouches for it. `npm run build:agents` writes
 * it, the coordinator serves from it, and whoever receives an executable checks it against this. Pure: no I/O, no crypto.
 */

export const ArchiveFormatSchema = z.enum(['tar.gz', 'zip']).meta({ id: 'ArchiveFormat' });
export type ArchiveFormat = z.infer<typeof ArchiveFormatSchema>;

interface TargetRow {
  /** For people. */
  readonly label: string;
  /** `process.platform` and `process.arch` of a host that runs it. */
  readonly platform: string;
  readonly arch: string;
  /** Name of the executable inside the package. */
  readonly executable: string;
  /** The form in which the package is downloaded. */
  readonly archive: ArchiveFormat;
}

export const AGENT_TARGET_TABLE = {
  'linux-x64': {
    label: 'Linux x64',
    platform: 'linux',
    arch: 'x64',
    executable: 'outrunner-agent',
    archive: 'tar.gz',
  },
  'linux-arm64': {
    label: 'Linux arm64',
    platform: 'linux',
    arch: 'arm64',
    executable: 'outrunner-agent',
    archive: 'tar.gz',
  },
  'win-x64': {
    label: 'Windows x64',
    platform: 'win32',
    arch: 'x64',
    executable: 'outrunner-agent.exe',
    archive: 'zip',
  },
  'macos-arm64': {
    label: 'macOS Apple silicon',
    platform: 'darwin',
    arch: 'arm64',
    executable: 'outrunner-agent',
    archive: 'tar.gz',
  },
  'macos-x64': {
    label: 'macOS Intel',
    platform: 'darwin',
    arch: 'x64',
    executable: 'outrunner-agent',
    archive: 'tar.gz',
  },
} as const satisfies Record<PlatformTarget, TargetRow>;

/** The target that runs on a host with this `process.platform` and `process.arch`, if there is one. */
export function targetOfHost(platform: string, arch: string): PlatformTarget | undefined {
  return PLATFORM_TARGETS.find(
    (target) => AGENT_TARGET_TABLE[target].platform === platform && AGENT_TARGET_TABLE[target].arch === arch,
  );
}

const Sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');
const ByteCountSchema = z.number().int().nonnegative();
/** A path below the folder of the manifest: forward slashes, no way up, nothing absolute. */
const FileInReleaseSchema = z
  .string()
  .max(200)
  .regex(/^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*$/, 'must be a plain relative path');

/**
 * The executable, compressed once at build time so that a download costs no compression.
 * - `gzip`: one complete gzip member holding the executable and the zero bytes that pad it to a multiple of 512, which is
 *   the body of its tar entry. The tar header goes before it in a member of its own.
 * - `deflate-raw`: the raw deflate stream of the executable, which is the body of its zip entry.
 */
export const CompressedExecutableSchema = z.object({
  file: FileInReleaseSchema,
  encoding: z.enum(['gzip', 'deflate-raw']),
  size: ByteCountSchema,
  sha256: Sha256Schema,
});

/**
 * What the platform itself finds in an executable, beside the release key that vouches for all of them.
 * - `none`: nothing. Usual on Linux; Windows warns of an unknown publisher.
 * - `ad-hoc`: hashes without a signer. A Mac starts it, but not when a browser downloaded it.
 * - `development`: signed by a certificate that vouches for itself alone.
 * - `signed`: signed by a certificate of an authority; whose, says `signer`.
 */
export const PlatformSignatureSchema = z
  .object({
    kind: z.enum(['none', 'ad-hoc', 'development', 'signed']),
    signer: z.string().max(200).nullable(),
  })
  .meta({ id: 'PlatformSignature' });
export type PlatformSignature = z.infer<typeof PlatformSignatureSchema>;

/** A text that belongs to the release: its list of parts, its licences. */
export const ReleasedDocumentSchema = z
  .object({ file: FileInReleaseSchema, size: ByteCountSchema, sha256: Sha256Schema })
  .meta({ id: 'ReleasedDocument' });
export type ReleasedDocument = z.infer<typeof ReleasedDocumentSchema>;

export const ReleasedExecutableSchema = z
  .object({
    target: PlatformTargetSchema,
    file: FileInReleaseSchema,
    size: ByteCountSchema,
    sha256: Sha256Schema,
    /** CRC-32 (IEEE) of the uncompressed executable, as zip wants it. */
    crc32: z.number().int().min(0).max(0xffff_ffff),
    /** Version of the Node runtime inside, without the leading `v`. */
    nodeVersion: z.string().regex(/^\d+\.\d+\.\d+$/),
    compressed: CompressedExecutableSchema,
    /** Absent in manifests of builds that did not know it. Never filled in: that would change the bytes that are signed. */
    platformSignature: PlatformSignatureSchema.optional(),
  })
  .meta({ id: 'ReleasedExecutable' });
export type ReleasedExecutable = z.infer<typeof ReleasedExecutableSchema>;

export const ReleaseManifestSchema = z
  .object({
    /** Form of this document. Raised only when an older reader would misunderstand it. */
    format: z.literal(1),
    productVersion: z.string().min(1).max(50),
    protocolVersion: z.number().int().positive(),
    builtAt: z.iso.datetime(),
    /** True when the key was made on the building machine for development: it vouches for nothing beyond it. */
    development: z.boolean(),
    key: z.object({
      /** First 16 hexadecimal digits of the SHA-256 of the raw public key; for people, to compare. */
      id: z.string().regex(/^[0-9a-f]{16}$/),
      /** Raw Ed25519 public key, 32 bytes, base64url without padding. */
      publicKey: PublicKeySchema,
    }),
    executables: z.array(ReleasedExecutableSchema),
    /** `sbom.cdx.json` (CycloneDX) and `LICENSES.txt`; absent in manifests of builds that did not make them. */
    documents: z.array(ReleasedDocumentSchema).optional(),
  })
  .meta({ id: 'ReleaseManifest' });
export type ReleaseManifest = z.infer<typeof ReleaseManifestSchema>;

/** The file `manifest.json`: the manifest and an Ed25519 signature (base64url) over {@link releaseBytes}. */
export const SignedReleaseSchema = z
  .object({
    manifest: ReleaseManifestSchema,
    signature: SignatureSchema,
    /**
     * By the same key over the same bytes, in the way of OpenSSH (`ssh-signature.ts`), for hosts whose OpenSSL knows no
     * Ed25519. The bare 64 bytes: whose key it is, the manifest says. Absent in files of builds that did not make it.
     */
    sshSignature: SignatureSchema.optional(),
  })
  .meta({ id: 'SignedRelease' });
export type SignedRelease = z.infer<typeof SignedReleaseSchema>;

/**
 * The bytes that the release key signs: a line that binds the signature to this purpose, then the manifest as JSON with
 * sorted keys and no white space. Equal manifests give equal bytes, whatever the order of their fields was. Whoever verifies
 * gives it the manifest as it came, not as a schema understood it: a later build may have signed fields that this one drops.
 */
export function releaseBytes(manifest: ReleaseManifest): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`outrunner release manifest 1\n${sortedJson(manifest)}`);
}

/** The entry of one target, or undefined when this release has none. */
export function executableFor(manifest: ReleaseManifest, target: PlatformTarget): ReleasedExecutable | undefined {
  return manifest.executables.find((executable) => executable.target === target);
}

/** Names of the documents of a release, below the folder of its manifest. */
export const RELEASE_DOCUMENTS = { sbom: 'sbom.cdx.json', licences: 'LICENSES.txt' } as const;

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
