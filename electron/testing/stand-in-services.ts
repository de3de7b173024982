import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';

/** What a person and the operating system would answer; tests change it and read what was asked. */
export interface StandInAnswers {
  /** Path that the save dialog gives; null: closed. */
  saveAs: (suggested: string) => string | null;
  /** Button of a message box. */
  button: number;
  /** Whether the system keeps secrets, and by what. */
  keyRing: 'gnome_libsecret' | 'basic_text' | 'none';
  /** Everything that was shown or opened, in order. */
  readonly seen: { readonly what: string; readonly detail: unknown }[];
}

export function standInDialog(answers: StandInAnswers) {
  return {
    async showSaveDialog(...args: unknown[]) {
      const options = args.at(-1) as { defaultPath?: string };
      answers.seen.push({ what: 'save dialog', detail: options.defaultPath });
      const path = answers.saveAs(options.defaultPath ?? '');
      return { canceled: path === null, filePath: path ?? '' };
    },
    async showMessageBox(...args: unknown[]) {
      answers.seen.push({ what: 'message box', detail: args.at(-1) });
      return { response: answers.button, checkboxChecked: false };
    },
    showErrorBox(title: string, content: string) {
      answers.seen.push({ what: 'error box', detail: `${title}: ${content}` });
    },
  };
}

export function standInShell(answers: StandInAnswers) {
  return {
    async openExternal(url: string) {
      answers.seen.push({ what: 'external', detail: url });
    },
    showItemInFolder(path: string) {
      answers.seen.push({ what: 'folder', detail: path });
    },
  };
}

/** `safeStorage`, the asynchronous half: AES under a key that belongs to the user data folder. */
export function standInSafeStorage(answers: StandInAnswers, userData: string) {
  const key = createHash('sha256').update(userData).digest();
  return {
    isAsyncEncryptionAvailable: async () => answers.keyRing !== 'none',
    getSelectedStorageBackend: () => (answers.keyRing === 'none' ? 'unknown' : answers.keyRing),
    async encryptStringAsync(text: string) {
      const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
      return Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    },
    async decryptStringAsync(sealed: Buffer) {
      const decipher = createDecipheriv('aes-256-ctr', key, Buffer.alloc(16));
      const result = Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8');
      return { result, shouldReEncrypt: false };
    },
  };
}

type Answer = (...args: unknown[]) => unknown;

/** `session.defaultSession`: keeps the handlers, so that a test can ask them what Chromium would ask. */
export class StandInSession extends EventEmitter {
  permissionRequest: Answer | null = null;
  permissionCheck: Answer | null = null;
  devicePermission: Answer | null = null;
  setPermissionRequestHandler = (handler: Answer | null) => {
    this.permissionRequest = handler;
  };
  setPermissionCheckHandler = (handler: Answer | null) => {
    this.permissionCheck = handler;
  };
  setDevicePermissionHandler = (handler: Answer | null) => {
    this.devicePermission = handler;
  };
}

export const standInScreen = () => {
  const display = { id: 1, workArea: { x: 0, y: 0, width: 1920, height: 1080 } };
  return { getPrimaryDisplay: () => display, getAllDisplays: () => [display] };
};

/** `ipcMain.handle`; `invoke` is what a message from a page does. */
export class StandInIpcMain {
  readonly #handlers = new Map<string, Answer>();
  handle = (channel: string, handler: Answer) => {
    if (this.#handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
    this.#handlers.set(channel, handler);
  };
  invoke = async (event: object, channel: string, args: unknown[]): Promise<unknown> => {
    const handler = this.#handlers.get(channel);
    if (!handler) throw new Error(`No handler registered for '${channel}'`);
    return handler(event, ...args);
  };
}
