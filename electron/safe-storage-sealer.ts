import type { SafeStorage } from 'electron';
import type { Sealer } from './token-vault.ts';

type AsyncSafeStorage = Pick<
  SafeStorage,
  'isAsyncEncryptionAvailable' | 'encryptStringAsync' | 'decryptStringAsync' | 'getSelectedStorageBackend'
>;

/** Electron's store. On Linux without a key ring it would encrypt with a key that everybody knows: that counts as none. */
export function safeStorageSealer(storage: AsyncSafeStorage, platform: NodeJS.Platform): Sealer {
  return {
    async available() {
      if (!(await storage.isAsyncEncryptionAvailable())) return false;
      return platform !== 'linux' || !['basic_text', 'unknown'].includes(storage.getSelectedStorageBackend());
    },
    seal: (text) => storage.encryptStringAsync(text),
    async open(sealed) {
      const { result, shouldReEncrypt } = await storage.decryptStringAsync(Buffer.from(sealed));
      return { text: result, stale: shouldReEncrypt };
    },
  };
}
