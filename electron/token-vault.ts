import { z } from 'zod';
import { openJsonFile } from './settings-file.ts';

/** Encrypts with a key that the operating system keeps. Electron's `safeStorage` is one. */
export interface Sealer {
  /** False where the key would lie in plain sight: then nothing is written. */
  available(): Promise<boolean>;
  seal(text: string): Promise<Uint8Array>;
  /** `stale`: the key was rotated, seal it again. @throws when it was sealed by another key or altered. */
  open(sealed: Uint8Array): Promise<{ text: string; stale: boolean }>;
}

/** Keeps one token for each coordinator. */
export interface TokenVault {
  get(profile: string): string | undefined;
  /** Returns whether the token outlives the console; if not, it is kept in memory. */
  set(profile: string, token: string): Promise<boolean>;
  delete(profile: string): Promise<void>;
  /** Whether the token of this profile, if there is one, outlives the console. */
  remembered(profile: string): boolean;
}

const VaultFileSchema = z.record(z.string(), z.base64()).default({});

/**
 * Opens the vault. Tokens that cannot be opened any more (another user's key, a restored backup) are forgotten, with a
 * report that names the profile and never the token.
 */
export async function openTokenVault(
  path: string,
  sealer: Sealer,
  report: (message: string) => void,
): Promise<TokenVault> {
  const file = await openJsonFile(path, VaultFileSchema, report);
  const tokens = new Map<string, string>();
  const available = await sealer.available();
  const write = async (profile: string, token: string) => {
    const sealed = await sealer.seal(token);
    await file.save({ ...file.value, [profile]: Buffer.from(sealed).toString('base64') });
  };
  if (available) {
    for (const [profile, sealed] of Object.entries(file.value)) {
      try {
        const { text, stale } = await sealer.open(Buffer.from(sealed, 'base64'));
        tokens.set(profile, text);
        if (stale) await write(profile, text);
      } catch (error) {
        report(`The stored sign-in of ${profile} cannot be opened: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  return {
    get: (profile) => tokens.get(profile),
    remembered: (profile) => available && Object.hasOwn(file.value, profile),
    async set(profile, token) {
      tokens.set(profile, token);
      if (available) await write(profile, token);
      return available;
    },
    async delete(profile) {
      tokens.delete(profile);
      if (!Object.hasOwn(file.value, profile)) return;
      const { [profile]: _gone, ...rest } = file.value;
      await file.save(rest);
    },
  };
}
