import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type KeyLink, keyLinkText, SuccessionSchema } from '../../protocol/trust.ts';
import { StartError } from '../start-error.ts';
import { folderProblem, isMissing, writeWhole } from './private-files.ts';

/** The newest links are enough: who believes a key from before a thousand others has been away for too long. */
const LINKS_KEPT = 1000;

/**
 * The file that decides, from the first rotation on. It is written whole, so that a crash leaves the keys of before or those
 * of after; `coordinator-ed25519.pem` follows it, for versions of the coordinator that know one key alone.
 */
const KeyFileSchema = z.object({
  version: z.literal(1),
  /** PKCS 8 in PEM. */
  current: z.string(),
  previous: z.string().nullable(),
  succession: SuccessionSchema,
});

interface Key {
  readonly pem: string;
  readonly secret: KeyObject;
  /** Raw Ed25519 public key, base64url. */
  readonly public: string;
}

interface Keys {
  readonly current: Key;
  readonly previous: Key | null;
  readonly succession: readonly KeyLink[];
}

/** What the coordinator signs with. While a rotation is open it has two keys. */
export class SigningKeys {
  readonly #folder: string;
  #keys: Keys;

  private constructor(folder: string, keys: Keys) {
    this.#folder = folder;
    this.#keys = keys;
  }

  /** Reads the keys of the folder, or makes the first. @throws StartError when they are unreadable or damaged. */
  static open(folder: string): SigningKeys {
    // What a crash left half written may hold a key that was never used, or one that was to be destroyed.
    for (const path of [keyFile(folder), pemFile(folder)]) rmSync(`${path}.new`, { force: true });
    const text = readIfThere(keyFile(folder));
    if (text === null) {
      const pem = readIfThere(pemFile(folder)) ?? makePem();
      const current = readKey(pemFile(folder), pem);
      const opened = new SigningKeys(folder, { current, previous: null, succession: [] });
      opened.#writePem();
      return opened;
    }
    const opened = new SigningKeys(folder, readKeys(keyFile(folder), text));
    opened.#writePem();
    return opened;
  }

  /** The newest key. */
  get publicKey(): string {
    return this.#keys.current.public;
  }

  /** The key before it while it is still signed with; null: there is one key. */
  get previousKey(): string | null {
    return this.#keys.previous?.public ?? null;
  }

  /** How the newest key came to be, oldest link first. */
  get succession(): readonly KeyLink[] {
    return this.#keys.succession;
  }

  /** Ed25519 signature over the UTF-8 bytes of `text`, base64url. @throws Error for a key that is not here. */
  sign(text: string, publicKey = this.publicKey): string {
    const key = [this.#keys.current, this.#keys.previous].find((one) => one?.public === publicKey);
    if (key === null || key === undefined) throw new Error('The coordinator does not hold this key.');
    return sign(null, Buffer.from(text), key.secret).toString('base64url');
  }

  /** Makes a new key that the present one names as its successor. Durable when it returns. `at`: milliseconds since the epoch. */
  rotate(at: number): void {
    if (this.#keys.previous !== null) throw new Error('A key still has to be retired.');
    const { current: from, succession } = this.#keys;
    const to = readKey(keyFile(this.#folder), makePem());
    const unsigned = { from: from.public, to: to.public, at };
    const proof = (key: Key) => sign(null, Buffer.from(keyLinkText(unsigned)), key.secret).toString('base64url');
    const link = { ...unsigned, signatures: { from: proof(from), to: proof(to) } };
    this.#replace({ current: to, previous: from, succession: [...succession.slice(1 - LINKS_KEPT), link] });
  }

  /** Destroys the key before the newest: no file holds it any more when this returns. */
  retire(): void {
    // It may hold the old key still, when it could not be written after the rotation.
    this.#writePem();
    this.#replace({ ...this.#keys, previous: null });
  }

  #replace(keys: Keys): void {
    const { current, previous, succession } = keys;
    const content = { version: 1, current: current.pem, previous: previous?.pem ?? null, succession };
    writeWhole(keyFile(this.#folder), `${JSON.stringify(content)}\n`);
    this.#keys = keys;
    this.#writePem();
  }

  #writePem(): void {
    const path = pemFile(this.#folder);
    const { pem } = this.#keys.current;
    if (readIfThere(path) !== pem) writeWhole(path, pem);
  }
}

function keyFile(folder: string): string {
  return join(folder, 'coordinator-keys.json');
}

function pemFile(folder: string): string {
  return join(folder, 'coordinator-ed25519.pem');
}

function makePem(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
}

function readKeys(path: string, text: string): Keys {
  const file = parseFile(path, text);
  const { succession } = file;
  const current = readKey(path, file.current);
  const previous = file.previous === null ? null : readKey(path, file.previous);
  const last = succession.at(-1);
  const fits = last === undefined ? previous === null : last.to === current.public;
  if (!fits || (previous !== null && last?.from !== previous.public)) throw damagedKey(path);
  return { current, previous, succession };
}

function parseFile(path: string, text: string): z.output<typeof KeyFileSchema> {
  try {
    return KeyFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw damagedKey(path, cause);
  }
}

function readKey(path: string, pem: string): Key {
  try {
    const secret = createPrivateKey(pem);
    const { x, crv } = createPublicKey(secret).export({ format: 'jwk' });
    if (crv !== 'Ed25519' || x === undefined) throw new Error('It is a key of another kind.');
    return { pem, secret, public: x };
  } catch (cause) {
    throw damagedKey(path, cause);
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw folderProblem(path, error);
  }
}

/** One line for a person about a key that cannot be used. */
export function damagedKey(path: string, cause?: unknown): StartError {
  return new StartError('data', `The key ${path} is damaged. Restore it from a copy of the data folder.`, cause);
}
