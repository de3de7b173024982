import { PublicKeySchema } from '../../protocol/trust-fields.ts';
import { BuildError } from './build-error.ts';
import type { ReleaseKey } from './release-key.ts';

/** A key by which the updates of an agent must be signed, as `agent/update/trusted-keys.ts` knows it. */
export interface TrustedKey {
  readonly publicKey: string;
  readonly development: boolean;
}

/**
 * The keys that an agent of this build takes updates from: the one that signs it, and those of `OUTRUNNER_RELEASE_TRUST`
 * (raw public keys, base64url, separated by commas). A key that is to take over later has to be among them before it signs.
 * @throws BuildError when one of them is no such key.
 */
export function releaseTrust(key: ReleaseKey, env: NodeJS.ProcessEnv = process.env): readonly TrustedKey[] {
  const further = (env.OUTRUNNER_RELEASE_TRUST ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  for (const each of further) {
    if (PublicKeySchema.safeParse(each).success) continue;
    throw new BuildError(
      `OUTRUNNER_RELEASE_TRUST holds "${each}", which is no public key: 43 letters of base64url, as "npm run release:keys" shows it.`,
    );
  }
  const own = { publicKey: key.publicKey, development: key.development };
  const others = [...new Set(further)].filter((each) => each !== key.publicKey);
  return [own, ...others.map((publicKey) => ({ publicKey, development: false }))];
}

/** What the bundler replaces in the agent's sources. */
export function trustDefinitions(keys: readonly TrustedKey[]): Record<string, string> {
  return { OUTRUNNER_TRUSTED_RELEASE_KEYS: JSON.stringify(keys) };
}
