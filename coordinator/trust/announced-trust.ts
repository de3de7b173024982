import { z } from 'zod';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import {
  type KeyLink,
  type ToldTrust,
  type TrustAnnouncement,
  type TrustStatement,
  TrustStatementSchema,
  trustSigningText,
} from '../../protocol/trust.ts';
import type { TrustBook } from '../gateway/trust-book.ts';
import type { Logger } from '../http/log.ts';
import { StartError } from '../start-error.ts';
import type { SigningKeys } from '../store/signing-keys.ts';
import type { Store } from '../store/store.ts';

const META_KEY = 'trust';
/** An agent that holds a later statement than ours is believed up to this far ahead of the clock. */
const AHEAD_MS = 24 * 3_600_000;

/** The statement that was announced last, as it is kept. */
const KeptSchema = TrustStatementSchema.extend({
  /** Since when these authorities are announced, milliseconds since the epoch; null: since before anything was. */
  authoritiesSince: z.number().nullable(),
});
type Kept = z.output<typeof KeptSchema>;

export interface AnnouncedTrustDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signing: SigningKeys;
  /** Certificates in PEM of the setting `tls-ca`; null: none. */
  readonly authorities: string | null;
}

/** What this coordinator says of its keys and authorities, and which key it signs with for whom. */
export class AnnouncedTrust implements TrustBook {
  readonly #deps: AnnouncedTrustDeps;
  #kept: Kept;
  #announcement: TrustAnnouncement;

  private constructor(deps: AnnouncedTrustDeps, kept: Kept) {
    this.#deps = deps;
    this.#kept = kept;
    this.#announcement = this.#sign();
  }

  /** Reads what was announced last. What has changed since, by a setting or by a crash in between, is announced anew. */
  static async open(deps: AnnouncedTrustDeps): Promise<AnnouncedTrust> {
    const row = await deps.store.read.selectFrom('meta').select('value').where('key', '=', META_KEY).executeTakeFirst();
    const kept = row === undefined ? null : KeptSchema.parse(JSON.parse(row.value));
    const first = { serial: 1, keys: keysOf(deps.signing), authorities: deps.authorities, authoritiesSince: null };
    const opened = new AnnouncedTrust(deps, kept ?? first);
    const hasChanged = kept !== null && !opened.#isPresent;
    if (kept === null || hasChanged) await opened.renew();
    if (hasChanged) {
      const before = { keys: kept.keys, hadAuthorities: kept.authorities !== null };
      const now = { keys: opened.#kept.keys, hasAuthorities: deps.authorities !== null };
      deps.log.info({ before, now }, 'keys or authorities are not those that were announced last: Runners are told');
    }
    return opened;
  }

  get publicKey(): string {
    return this.#deps.signing.publicKey;
  }

  get previousKey(): string | null {
    return this.#deps.signing.previousKey;
  }

  /** Since when the newest key is that, milliseconds since the epoch; null: since ever. */
  get keySince(): number | null {
    return this.succession.at(-1)?.at ?? null;
  }

  get succession(): readonly KeyLink[] {
    return this.#deps.signing.succession;
  }

  get firstKey(): string {
    return this.succession[0]?.from ?? this.publicKey;
  }

  get authorities(): string | null {
    return this.#deps.authorities;
  }

  /** Since when these authorities are announced; null: since before anything was. */
  get authoritiesSince(): number | null {
    return this.#kept.authoritiesSince;
  }

  get serial(): number {
    return this.#kept.serial;
  }

  /** As it travels. */
  get announcement(): TrustAnnouncement {
    return this.#announcement;
  }

  keyAt(time: number): string {
    return this.succession.findLast((link) => link.at <= time)?.to ?? this.firstKey;
  }

  signerFor(believed: readonly string[]): string {
    const { publicKey, previousKey } = this.#deps.signing;
    return believed.find((key) => key === publicKey || key === previousKey) ?? publicKey;
  }

  isReachable(believed: readonly string[], followsLinks: boolean): boolean {
    if (believed.includes(this.signerFor(believed))) return true;
    return followsLinks && this.isOnTheWay(believed[0] ?? '');
  }

  /** Whether links lead from this key to the newest, or it is the newest. */
  isOnTheWay(key: string): boolean {
    return key === this.publicKey || this.succession.some((link) => link.from === key);
  }

  sign(text: string, publicKey: string): string {
    return this.#deps.signing.sign(text, publicKey);
  }

  newsFor(told: ToldTrust): TrustAnnouncement | null {
    return this.isKnownTo(told.keys[0] ?? '', told.serial) ? null : this.#announcement;
  }

  /** Whether who believes this key as the newest, and holds this statement, knows all. */
  isKnownTo(newestKey: string, serial: number): boolean {
    return newestKey === this.publicKey && serial >= this.#kept.serial;
  }

  /**
   * Whether an agent that believes our newest key holds a statement that is later than ours: then this folder was restored
   * from a copy, or the clock was set back, and what we say would be ignored. What is beyond all clocks is not believed.
   */
  isBehind(told: ToldTrust): boolean {
    const { serial } = told;
    return told.keys[0] === this.publicKey && serial > this.serial && serial < this.#deps.clock.now() + AHEAD_MS;
  }

  /** A new key, and a statement that both are taken. Durable when it resolves. @throws OutrunnerError when it cannot be written. */
  rotate(): Promise<void> {
    return this.#change(() => this.#deps.signing.rotate(this.#deps.clock.now()));
  }

  /**
   * The end of the key before the newest. Nothing is signed with it any more from the call on.
   * @throws OutrunnerError when it cannot be written.
   */
  retire(): Promise<void> {
    return this.#change(() => this.#deps.signing.retire());
  }

  async #change(change: () => void): Promise<void> {
    try {
      change();
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      const { message, cause } = error;
      const isFull = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC';
      throw new OutrunnerError(isFull ? 'storage-full' : 'internal', { detail: message, cause: error });
    } finally {
      // Also when only a part of it could be written: what is announced is what holds.
      if (!this.#isPresent) await this.renew();
    }
  }

  /** A new statement of what holds, later than the last one and than `after`. */
  async renew(after = 0): Promise<void> {
    const { clock, signing, authorities, store, log } = this.#deps;
    const now = clock.now();
    const before = this.#kept;
    const authoritiesSince = before.authorities === authorities ? before.authoritiesSince : now;
    const serial = Math.max(now, before.serial + 1, after + 1);
    this.#kept = { serial, keys: keysOf(signing), authorities, authoritiesSince };
    this.#announcement = this.#sign();
    const value = JSON.stringify(this.#kept);
    try {
      await store.write((tx) =>
        tx
          .insertInto('meta')
          .values({ key: META_KEY, value })
          .onConflict((one) => one.column('key').doUpdateSet({ value }))
          .execute(),
      );
    } catch (error) {
      // The keys are what they are, and are told as they are: the next start finds the difference and says it once more.
      log.error({ err: error }, 'what is announced of the keys could not be kept');
    }
  }

  /** Whether what was announced last is what holds. */
  get #isPresent(): boolean {
    const { keys, authorities } = this.#kept;
    return authorities === this.#deps.authorities && keys.join() === keysOf(this.#deps.signing).join();
  }

  #sign(): TrustAnnouncement {
    const { serial, keys, authorities } = this.#kept;
    const statement = JSON.stringify({ serial, keys, authorities } satisfies TrustStatement);
    const signature = this.#deps.signing.sign(trustSigningText(statement));
    return { succession: [...this.succession], statement, signature };
  }
}

function keysOf({ publicKey, previousKey }: SigningKeys): string[] {
  return previousKey === null ? [publicKey] : [publicKey, previousKey];
}
