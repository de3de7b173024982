import { BuildError } from './agents/build-error.ts';
import { ensureBuilt } from './ensure-built.ts';
import { PARTS, type Part } from './parts.ts';

/** `npm run build [part…] [--force]`: everything, or the named parts, where stale. */
const args = process.argv.slice(2);
const names = args.filter((arg) => arg !== '--force');
const unknown = names.filter((name) => !PARTS.some((part) => part === name));
if (unknown.length > 0) {
  console.error(`There is no part "${unknown.join('", "')}". Parts: ${PARTS.join(', ')}.`);
  process.exitCode = 1;
} else {
  const parts: readonly Part[] = names.length === 0 ? PARTS : PARTS.filter((part) => names.includes(part));
  try {
    await ensureBuilt(parts, console.log, { force: args.includes('--force') });
    console.log(`dist/ is up to date: ${parts.join(', ')}`);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
