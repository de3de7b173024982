import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Store } from '../store/store.ts';

/** How long an answer is kept for a caller who did not get it. */
export const ANSWERS_KEPT_MS = 24 * 3_600_000;

/**
 * Whether what was made at `createdAt` under the id of a call was made by that call, and only its answer was lost. After the
 * time for which answers are kept, the same key means something new.
 */
export function isRepeat(createdAt: number, now: number): boolean {
  return createdAt > now - ANSWERS_KEPT_MS;
}

export interface KeptAnswer {
  readonly status: number;
  readonly body: string;
}

export interface KeyedCall {
  readonly accountId: string;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  /** The body as it was validated. */
  readonly body: unknown;
}

/**
 * Answers a repeated POST with what it was answered the first time. Answers can hold a secret that is shown once, so they
 * are sealed with a key that takes both the coordinator's secret and the caller's own Idempotency-Key to make.
 */
export class Idempotency {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #secret: Buffer;
  readonly #underWay = new Map<string, Promise<KeptAnswer>>();

  constructor(store: Store, clock: Clock, secret: Buffer) {
    this.#store = store;
    this.#clock = clock;
    this.#secret = secret;
  }

  /**
   * The answer of `make`, or of the earlier call with the same key. Only successes are kept: what failed may be tried again.
   * @throws OutrunnerError `idempotency-mismatch` when the key was used for a different request.
   */
  async once(call: KeyedCall, make: () => Promise<KeptAnswer>): Promise<{ answer: KeptAnswer; replayed: boolean }> {
    const { accountId } = call;
    const row = sha256(`${accountId}\n${call.key}`);
    const requestHash = sha256(JSON.stringify([call.method, call.path, call.body ?? null]));
    const slot = `${row} ${requestHash}`;
    const earlier = this.#underWay.get(slot);
    if (earlier !== undefined) return { answer: await earlier, replayed: true };
    if ([...this.#underWay.keys()].some((other) => other.startsWith(`${row} `)))
      throw new OutrunnerError('idempotency-mismatch');
    const settled = this.#lookOrMake(call, row, requestHash, make);
    const shared = settled.then(({ answer }) => answer);
    this.#underWay.set(slot, shared);
    // Whoever waits on the same call hears of its failure through `shared`; this keeps a lonely one from being unhandled.
    shared.catch(() => undefined).finally(() => this.#underWay.delete(slot));
    return settled;
  }

  async #lookOrMake(call: KeyedCall, key: string, requestHash: string, make: () => Promise<KeptAnswer>) {
    const kept = await this.#store.read
      .selectFrom('idempotency')
      .selectAll()
      .where('account_id', '=', call.accountId)
      .where('key', '=', key)
      .where('created_at', '>', this.#clock.now() - ANSWERS_KEPT_MS)
      .executeTakeFirst();
    if (kept !== undefined) {
      if (kept.request_hash !== requestHash) throw new OutrunnerError('idempotency-mismatch');
      return { answer: { status: kept.status, body: this.#open(kept.body, call) }, replayed: true };
    }
    const answer = await make();
    const now = this.#clock.now();
    await this.#store.write(async (tx) => {
      await tx
        .deleteFrom('idempotency')
        .where('created_at', '<=', now - ANSWERS_KEPT_MS)
        .execute();
      await tx
        .insertInto('idempotency')
        .values({
          account_id: call.accountId,
          key,
          request_hash: requestHash,
          status: answer.status,
          body: this.#seal(answer.body, call),
          created_at: now,
        })
        .execute();
    });
    return { answer, replayed: false };
  }

  /**
   * An id for what the call makes, the same at each repetition and nobody else's. What is made is durable a moment before
   * the answer is kept: when the coordinator dies in between, whoever makes it finds by this id that it is there already.
   */
  idFor(call: KeyedCall): string {
    const text = JSON.stringify([call.method, call.path, call.body ?? null]);
    const id = createHmac('sha256', this.#keyFor(call)).update(`id\n${text}`).digest().subarray(0, 16);
    // Version 8 of RFC 9562: an id by rules of one's own.
    id[6] = ((id[6] ?? 0) & 0x0f) | 0x80;
    id[8] = ((id[8] ?? 0) & 0x3f) | 0x80;
    return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  #keyFor(call: KeyedCall): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#secret, call.accountId, `outrunner-idempotency\n${call.key}`, 32));
  }

  #seal(text: string, call: KeyedCall): string {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#keyFor(call), iv);
    const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return sealed.toString('base64url');
  }

  #open(sealedText: string, call: KeyedCall): string {
    const sealed = Buffer.from(sealedText, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', this.#keyFor(call), sealed.subarray(0, 12));
    decipher.setAuthTag(sealed.subarray(-16));
    return decipher.update(sealed.subarray(12, -16)).toString('utf8') + decipher.final('utf8');
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
