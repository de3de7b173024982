import { appendFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Clock } from '../../protocol/clock.ts';
import { isFullDisk, systemCode } from '../agent-exit.ts';
import { writeFileAtomic } from '../config/atomic-file.ts';

/** Entries stay this much longer than the offer itself is good for: the clocks of both ends may differ a little. */
const SLACK_MS = 600_000;
const COMPACT_AFTER = 5_000;
/** When the disk is full, how long to wait before the next try. */
const RETRY_MS = 1_000;

const EntrySchema = z.object({ key: z.string(), until: z.number() });

/**
 * Remembers operations whose folder is gone already, so that an offer that is sent again (by mistake, or by someone who
 * recorded it) is not run again. After its time to be accepted has passed, the offer is refused anyway.
 */
export class EndedLedger {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #entries = new Map<string, number>();
  #appended = 0;
  #lines: string[] = [];
  /** The last write failed and may have left a part of a line. */
  #torn = false;
  #nextWrite: Promise<void> | null = null;
  #write: Promise<void> = Promise.resolve();

  private constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  static async open(path: string, clock: Clock): Promise<EndedLedger> {
    const ledger = new EndedLedger(path, clock);
    let text = '';
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    for (const line of text.split('\n')) {
      const entry = parseEntry(line);
      if (entry !== null) ledger.#entries.set(entry.key, entry.until);
    }
    try {
      await ledger.#compact();
    } catch (error) {
      // It stays as long as it is: a full disk must not keep the agent from starting.
      if (!isFullDisk(error)) throw error;
    }
    return ledger;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /**
   * Remembers an attempt until its offer has expired (`acceptBefore`, milliseconds since the epoch). Resolves when it is written;
   * on a full disk at once, and it is written when there is room: what is deleted afterwards is what makes room.
   */
  async add(key: string, acceptBefore: number): Promise<void> {
    const until = acceptBefore + SLACK_MS;
    this.#entries.set(key, until);
    this.#lines.push(`${JSON.stringify({ key, until })}\n`);
    await this.#writeSoon();
  }

  /** One write for all that come while the one before is under way. */
  #writeSoon(): Promise<void> {
    this.#nextWrite ??= this.#write.then(() => {
      this.#nextWrite = null;
      const running = this.#append();
      // One that fails is told to those who waited for it, and does not stop the next.
      this.#write = running.catch(() => undefined);
      return running;
    });
    return this.#nextWrite;
  }

  async #append(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    try {
      // After a write that was cut off in mid line, a new line begins.
      appendFileSync(this.#path, `${this.#torn ? '\n' : ''}${lines.join('')}`, { mode: 0o600 });
      this.#torn = false;
      this.#appended += lines.length;
      if (this.#appended > COMPACT_AFTER) await this.#compact();
    } catch (error) {
      if (!isFullDisk(error)) throw error;
      this.#torn = true;
      this.#lines.unshift(...lines);
      this.#clock.after(RETRY_MS, () => void this.#writeSoon().catch(() => undefined)); // Those who waited were told.
    }
  }

  async #compact(): Promise<void> {
    const now = this.#clock.now();
    for (const [key, until] of this.#entries) if (until < now) this.#entries.delete(key);
    this.#appended = 0;
    const lines = [...this.#entries].map(([key, until]) => `${JSON.stringify({ key, until })}\n`);
    await writeFileAtomic(this.#path, lines.join(''), 0o600);
  }
}

function parseEntry(line: string): z.infer<typeof EntrySchema> | null {
  try {
    return EntrySchema.parse(JSON.parse(line));
  } catch {
    return null; // The last line may be torn by a crash; it names one operation whose offer has nearly expired.
  }
}
