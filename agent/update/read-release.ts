import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { compareVersions } from '../../protocol/product-version.ts';
import {
  executableFor,
  type ReleasedExecutable,
  type ReleaseManifest,
  ReleaseManifestSchema,
  releaseBytes,
} from '../../protocol/release.ts';
import { signatureVerifier } from '../config/key-pair.ts';
import { parseJson } from '../connection/http-call.ts';
import type { TrustedReleaseKey } from './trusted-keys.ts';

/** The upgrade is not done, and why, for a person. The version of before goes on. */
export class UpgradeFailed extends Error {}

export interface OrderedRelease {
  readonly manifest: ReleaseManifest;
  readonly executable: ReleasedExecutable;
}

export interface ReleaseRules {
  readonly trusted: readonly TrustedReleaseKey[];
  readonly target: PlatformTarget;
  /** The version that runs. */
  readonly version: string;
  readonly allowDowngrade: boolean;
}

/**
 * Checks what the coordinator wants this agent to become: the coordinator is believed in nothing, only the release key.
 * @throws UpgradeFailed when it is not signed by a trusted key, cannot be read, has nothing for this platform, or is older.
 */
export function readOrderedRelease(manifestText: string, signature: string, rules: ReleaseRules): OrderedRelease {
  const { trusted, target, version, allowDowngrade } = rules;
  const raw = parseJson(manifestText);
  const parsed = ReleaseManifestSchema.safeParse(raw);
  if (!parsed.success) throw new UpgradeFailed('The list of what was released cannot be read.');
  // The bytes of what came, not of what this version understands of it: a later one may have signed more fields.
  const signed = new TextDecoder().decode(releaseBytes(raw as ReleaseManifest));
  if (!trusted.some(({ publicKey }) => signatureVerifier(publicKey)(signed, signature))) {
    const ids = trusted.map(({ publicKey }) => publicKey.slice(0, 8)).join(', ');
    throw new UpgradeFailed(`The release is not signed by a key that this agent trusts (${ids}…).`);
  }
  const manifest = parsed.data;
  const executable = executableFor(manifest, target);
  if (executable === undefined) throw new UpgradeFailed(`The release has no executable for ${target}.`);
  if (compareVersions(manifest.productVersion, version) < 0 && !allowDowngrade) {
    throw new UpgradeFailed(`The release has version ${manifest.productVersion}, which is older than ${version} here.`);
  }
  return { manifest, executable };
}
