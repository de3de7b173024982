import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { ToldTrustSchema } from '../../protocol/trust.ts';
import { SelfCheckSchema } from '../../protocol/wire.ts';
import { systemCode } from '../agent-exit.ts';
import { writeFileAtomic } from '../config/atomic-file.ts';

const STATUS = 'status.json';
const WRITE_AT_MOST_EVERY_MS = 1_000;

/** What a running agent says about itself in its state folder, for `status` and for people. */
export const StatusFileSchema = z.object({
  pid: z.number().int(),
  start: z.string(),
  version: z.string(),
  runner: z.object({ id: z.string(), name: z.string() }),
  replica: z.string(),
  coordinator: z.string(),
  startedAt: z.string(),
  writtenAt: z.string(),
  connected: z.boolean(),
  connectionSince: z.string(),
  lastError: z.string().nullable(),
  skewMs: z.number(),
  load: z.object({ running: z.number(), queued: z.number(), maximum: z.number() }),
  operations: z.array(
    z.object({
      operation: z.string(),
      attempt: z.number().int(),
      project: z.string(),
      job: z.string().nullable(),
    }),
  ),
  /** What stops of operations rely on. */
  confinement: z.object({ kind: z.enum(['cgroup', 'search']), detail: z.string() }),
  checks: z.array(SelfCheckSchema),
  /** Keys of the coordinator that are believed, the newest first, and which of its announcements is held. */
  trust: ToldTrustSchema.optional(),
});
export type StatusFile = z.infer<typeof StatusFileSchema>;

/** The status that was written last; null when there is none that can be read. */
export async function readStatusFile(state: string): Promise<StatusFile | null> {
  try {
    return StatusFileSchema.parse(JSON.parse(await readFile(join(state, STATUS), 'utf8')));
  } catch {
    return null; // Never written, or by another version: `status` then says what it knows from the lock alone.
  }
}

/** Writes the status when it changes, at most once per second; a reader always finds a whole one. */
export class StatusWriter {
  readonly #state: string;
  readonly #clock: Clock;
  readonly #compose: () => StatusFile;
  readonly #onTrouble: (code: string) => void;
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(state: string, clock: Clock, compose: () => StatusFile, onTrouble: (code: string) => void) {
    this.#state = state;
    this.#clock = clock;
    this.#compose = compose;
    this.#onTrouble = onTrouble;
  }

  changed(): void {
    this.#timer ??= this.#clock.after(WRITE_AT_MOST_EVERY_MS, () => {
      this.#timer = null;
      void this.write();
    });
  }

  /** Writes now. A disk that is full costs the status, not the agent. */
  async write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      try {
        await writeFileAtomic(join(this.#state, STATUS), `${JSON.stringify(this.#compose(), null, 2)}\n`, 0o600, false);
      } catch (error) {
        this.#onTrouble(systemCode(error));
      }
    });
    await this.#writing;
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.write();
  }
}
