import { writeSync } from 'node:fs';
import { openSqliteStore } from '../sqlite-store.ts';

/** Writes rows by several writers at once and prints the key of each as soon as its write resolved. Killed by its test. */
const store = await openSqliteStore(process.argv[2] as string);
let next = 0;
const writer = async (): Promise<never> => {
  for (;;) {
    const key = String(next++);
    await store.write((tx) =>
      tx
        .insertInto('meta')
        .values({ key, value: 'x'.repeat(500) })
        .execute(),
    );
    writeSync(1, `${key}\n`);
  }
};
await Promise.all([writer(), writer(), writer()]);
