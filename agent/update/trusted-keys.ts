/** A key by which a release may be signed for this agent to take it as an update. */
export interface TrustedReleaseKey {
  /** Raw Ed25519 public key, 32 bytes, base64url without padding. */
  readonly publicKey: string;
  /** Made on the machine that built this agent, for development: it vouches for nothing beyond it. */
  readonly development: boolean;
}

/** Put in by the build (`build/agents/release-trust.ts`); not there when the agent runs from its sources. */
declare const OUTRUNNER_TRUSTED_RELEASE_KEYS: readonly TrustedReleaseKey[] | undefined;

/**
 * The release keys that this agent was built to trust: first the one that signed its own release, then those that may take
 * over from it. Empty when the agent runs from its sources, which takes no updates.
 */
export const TRUSTED_RELEASE_KEYS: readonly TrustedReleaseKey[] =
  typeof OUTRUNNER_TRUSTED_RELEASE_KEYS === 'undefined' ? [] : OUTRUNNER_TRUSTED_RELEASE_KEYS;
