import { join } from 'node:path';

/** Where the build reads and writes. Every other file of `build/` takes its paths from here. */
export const ROOT = join(import.meta.dirname, '..');
export const DIST = join(ROOT, 'dist');
/** Signed executables, their compressed forms and `manifest.json`; the coordinator serves from here. */
export const AGENTS_OUT = join(DIST, 'agents');
/** What must outlive `dist/`: the development key and the packer's cache. Ignored by git. */
export const BUILD_STATE = join(ROOT, '.outrunner-build');
export const NODE_MODULES = join(ROOT, 'node_modules');
