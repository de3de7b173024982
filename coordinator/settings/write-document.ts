import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { settingsDocument } from './settings-document.ts';

/** Writes `docs/settings.md`. Run it after a change of the table. */
writeFileSync(path.resolve(import.meta.dirname, '../../docs/settings.md'), settingsDocument());
