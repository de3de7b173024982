import { openDataFolder } from '../data-folder.ts';

/** Holds a data folder until it is killed. */
openDataFolder(process.argv[2] as string);
process.stdout.write('holding\n');
setInterval(() => undefined, 60_000);
