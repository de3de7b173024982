import { openDataFolder } from '../data-folder.ts';

/** Holds a data folder until it is killed. */
openDataFolder(process.argv[2] as string);
// What nobody refers to is gone before anybody is told that the folder is held.
globalThis.gc?.();
process.stdout.write('holding\n');
setInterval(() => undefined, 60_000);
