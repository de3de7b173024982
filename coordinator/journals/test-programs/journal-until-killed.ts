import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../store/sqlite-store.ts';
import { bytesOf, JournalWriter } from '../../testing/journal-records.ts';
import { storedJournals } from '../stored-journals.ts';

/**
 * Fills journals, one after the other and several at once, so that one of them is always just moving to its file. Prints
 * `<operation> <next>` as soon as so many records of it are stored. Killed by its test.
 */
const [database, folder] = process.argv.slice(2) as [string, string];
const journals = storedJournals({ store: await openSqliteStore(database), folder, short: { bytes: 4000, pieces: 5 } });
const fill = async (): Promise<never> => {
  for (;;) {
    const operation = crypto.randomUUID();
    const journal = new JournalWriter({ operation, attempt: 1 }, () => 1_800_000_000_000);
    journals.begin(operation, 1);
    for (let i = 0; i < 9; i++) {
      const append = journals.append(operation, 1, bytesOf([journal.output(0, `${i} `.repeat(100 * i))]));
      if (append.kind !== 'taken') throw new Error(append.kind);
      const { next } = await append.stored;
      writeSync(1, `${operation} ${next}\n`);
    }
    await journals.release(operation);
  }
};
await Promise.all([fill(), fill(), fill()]);
