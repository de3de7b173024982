import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  type KeyLink,
  keyLinkText,
  type TrustAnnouncement,
  type TrustStatement,
  trustSigningText,
} from '../../protocol/trust.ts';

/** The signing keys of a coordinator, and what it announces of them and of its authorities. */
export class SigningKeys {
  readonly succession: KeyLink[] = [];
  /** All that ever were, also retired ones, as a thief would have them. */
  readonly #secrets = new Map<string, KeyObject>();
  #keys: readonly string[];
  #authorities: string | null = null;
  #serial = 0;
  #announcement: TrustAnnouncement | null = null;

  constructor() {
    this.#keys = [this.make()];
  }

  /** Those that it signs with, the newest first. */
  get keys(): readonly string[] {
    return this.#keys;
  }

  get newest(): string {
    return this.#keys[0] as string;
  }

  /** Null: nothing has changed yet. */
  get announcement(): TrustAnnouncement | null {
    return this.#announcement;
  }

  get serial(): number {
    return this.#serial;
  }

  /** The newest key that an agent which believes `told` takes, among those that are in use. */
  keyFor(told: readonly string[]): string {
    return this.#keys.find((key) => told.includes(key)) ?? this.newest;
  }

  /** A key of its own that nobody has named; returns its public half. */
  make(): string {
    const { privateKey } = generateKeyPairSync('ed25519');
    const text = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '';
    this.#secrets.set(text, privateKey);
    return text;
  }

  signWith(key: string, text: string): string {
    const secret = this.#secrets.get(key);
    if (secret === undefined) throw new Error(`There is no key ${key} here.`);
    return sign(null, Buffer.from(text), secret).toString('base64url');
  }

  link(from: string, to: string): KeyLink {
    const link = { from, to, at: 1 };
    const text = keyLinkText(link);
    return { ...link, signatures: { from: this.signWith(from, text), to: this.signWith(to, text) } };
  }

  /** A new key, beside the one before; returns its public half. */
  rotate(): string {
    const key = this.make();
    this.succession.push(this.link(this.newest, key));
    this.#keys = [key, this.newest];
    this.#announce();
    return key;
  }

  /** The end of the overlap. */
  retire(): void {
    this.#keys = [this.newest];
    this.#announce();
  }

  /** Other authorities (PEM), or none. */
  trustAuthorities(authorities: string | null): void {
    this.#authorities = authorities;
    this.#announce();
  }

  /** An announcement that `key` signs, whatever it says. */
  say(key: string, statement: Partial<TrustStatement>, succession: readonly KeyLink[]): TrustAnnouncement {
    const serial = this.#serial + 1;
    const text = JSON.stringify({ serial, keys: [key], authorities: this.#authorities, ...statement });
    return { succession: [...succession], statement: text, signature: this.signWith(key, trustSigningText(text)) };
  }

  /** As it was when `earlier` was the only key: what a backup of before a rotation holds. */
  restore(earlier: string): void {
    const at = this.succession.findIndex(({ from }) => from === earlier);
    this.succession.splice(at === -1 ? this.succession.length : at);
    this.#keys = [earlier];
    this.#announce();
  }

  #announce(): void {
    // A time in the real one; what counts is that it rises, also over a restored backup.
    this.#announcement = this.say(this.newest, { keys: [...this.#keys] }, this.succession);
    this.#serial += 1;
  }
}
