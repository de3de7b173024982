import { BuildError } from '../agents/build-error.ts';
import { ensureBuilt } from '../ensure-built.ts';
import { PARTS } from '../parts.ts';

/**
 * The build of `npm start`: the parts of its arguments, where stale. A process of its own, because building takes a gigabyte
 * of memory, and the console may then run for weeks.
 */
try {
  await ensureBuilt(
    PARTS.filter((part) => process.argv.slice(2).includes(part)),
    (line) => console.log(line),
  );
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
