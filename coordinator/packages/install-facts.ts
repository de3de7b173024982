import { createPublicKey } from 'node:crypto';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { DEFAULT_SERVICE_NAME } from '../../protocol/package-options.ts';
import { AGENT_TARGET_TABLE, type ReleasedExecutable } from '../../protocol/release.ts';
import type { Release } from './release-folder.ts';
import { sshKeyLine } from './release-signature.ts';

/** What the scripts in a package check the executable against. */
export interface InstallFacts {
  readonly target: PlatformTarget;
  /** For people. */
  readonly label: string;
  /** Name of the executable. */
  readonly executable: string;
  readonly sha256: string;
  /** How the signed bytes of the release name this executable: its hash, its size and its platform in one piece of text. */
  readonly listed: string;
  /** The release key in PEM, and its id. */
  readonly keyPem: string;
  readonly keyId: string;
  /** Its raw 32 bytes, base64. */
  readonly keyBytes: string;
  /** The key as SSH writes it, when the release has a signature for SSH: then the package has a `release.sshsig`. */
  readonly sshKey: string | null;
  /** The key was made on the building machine. */
  readonly development: boolean;
  readonly serviceName: string;
}

/** The release key, as both scripts call it. */
export function keyWords({ development, keyId }: InstallFacts): string {
  return development ? `development key ${keyId}` : `release key ${keyId}`;
}

/** Exit codes of the install scripts that are not the agent's own. */
export const INSTALL_EXIT = { usage: 2, notGenuine: 3, wrongPlatform: 4, notReached: 5 } as const;

export function installFacts(
  { manifest, signedBytes, sshSignature }: Release,
  executable: ReleasedExecutable,
): InstallFacts {
  const { target, sha256 } = executable;
  const { label, executable: name } = AGENT_TARGET_TABLE[target];
  const { id, publicKey } = manifest.key;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
  return {
    target,
    label,
    executable: name,
    sha256,
    listed: listedAs(new TextDecoder().decode(signedBytes), executable),
    keyPem: key.export({ type: 'spki', format: 'pem' }).toString().trim(),
    keyId: id,
    keyBytes: Buffer.from(publicKey, 'base64url').toString('base64'),
    sshKey: sshSignature === undefined ? null : sshKeyLine(publicKey),
    development: manifest.development,
    serviceName: DEFAULT_SERVICE_NAME,
  };
}

/** From the hash of the executable to the end of its entry: one search without a JSON reader says that it is listed. */
function listedAs(signed: string, executable: ReleasedExecutable): string {
  const { sha256, size, target } = executable;
  // Fields are sorted, so what a later build may add stands before, between or after these; it is taken over as it is.
  for (
    let from = signed.indexOf(`"sha256":"${sha256}"`);
    from >= 0;
    from = signed.indexOf(`"sha256":"${sha256}"`, from + 1)
  ) {
    const listed = signed.slice(from, signed.indexOf('}', from) + 1);
    if (listed.includes(`"size":${size}`) && listed.includes(`"target":"${target}"`)) return listed;
  }
  throw new Error(
    `the signed release names the executable for ${executable.target} in a way that cannot be looked for`,
  );
}
