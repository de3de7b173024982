import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { openDataFolder } from '../../coordinator/store/data-folder.ts';
import { openSqliteStore } from '../../coordinator/store/sqlite-store.ts';
import { insertReplica, insertRunner } from '../../coordinator/testing/insert-rows.ts';
import { makeEnrolmentKeys } from '../../coordinator/testing/simulated-agent.ts';
import { systemClock } from '../../protocol/clock.ts';
import { startProgram } from './process.ts';

/** What the simulator is told of the Runners that it plays. */
export const FleetFileSchema = z.object({
  coordinatorPublicKey: z.string(),
  runners: z.array(
    z.object({
      runner: z.string(),
      replica: z.string(),
      /** PKCS 8, DER, base64url. */
      signingKey: z.string(),
    }),
  ),
});

/**
 * Makes a coordinator's data folder that knows `count` enrolled Runners, through the coordinator's own store code: ten
 * thousand downloads and enrolments would measure something else. The file for the simulator gets their keys.
 */
export async function writeFleet(dataDir: string, file: string, count: number): Promise<void> {
  const clock = systemClock();
  const folder = openDataFolder(dataDir);
  try {
    const store = await openSqliteStore(folder.databasePath);
    const runners = await Promise.all(
      Array.from({ length: count }, async (_, n) => {
        const keys = makeEnrolmentKeys();
        const runner = await insertRunner({ store, clock }, `runner-${n}`);
        const replica = await insertReplica({ store, clock }, runner, keys);
        const signingKey = keys.signing.export({ format: 'der', type: 'pkcs8' }).toString('base64url');
        return { runner, replica, signingKey };
      }),
    );
    await store.close();
    await writeFile(file, JSON.stringify({ coordinatorPublicKey: folder.keys.signing.publicKey, runners }), {
      mode: 0o600,
    });
  } finally {
    folder.release();
  }
}

export interface Fleet {
  /** Resolves when all Runners are welcome for the `round`-th time since the start. */
  complete(round: number): Promise<{ at: number; failures: number }>;
  stop(): Promise<void>;
}

/** Starts the simulator of the Runners in `file`, in a process of its own. */
export function startFleet(url: string, file: string): Fleet {
  const program = startProgram(process.execPath, [path.join(import.meta.dirname, 'simulate-fleet.ts'), url, file]);
  return {
    async complete(round) {
      const [, at, failures] = await program.line(
        new RegExp(`^round ${round}: all welcome at (\\d+), (\\d+) failures$`),
      );
      return { at: Number(at), failures: Number(failures) };
    },
    async stop() {
      await program.stop();
    },
  };
}
