import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUILD_STATE, NODE_MODULES } from '../paths.ts';

export interface ElectronPlaces {
  /** The npm package `electron`. */
  readonly packageFolder: string;
  /** Remembers that the runtime could not be fetched. */
  readonly stamp: string;
}

const PLACES: ElectronPlaces = {
  packageFolder: join(NODE_MODULES, 'electron'),
  stamp: join(BUILD_STATE, 'electron-not-fetched'),
};
const FETCH_WITHIN_MS = 180_000;

/**
 * The program of Electron, found without importing the package (which would try to download). `OUTRUNNER_ELECTRON` names
 * another one. Null when the runtime is not there.
 */
export async function findElectron(env: NodeJS.ProcessEnv = process.env, places = PLACES): Promise<string | null> {
  if (env.OUTRUNNER_ELECTRON) return existsSync(env.OUTRUNNER_ELECTRON) ? env.OUTRUNNER_ELECTRON : null;
  const pathFile = join(places.packageFolder, 'path.txt');
  if (!existsSync(pathFile)) return null;
  const folder = env.ELECTRON_OVERRIDE_DIST_PATH ?? join(places.packageFolder, 'dist');
  const program = join(folder, (await readFile(pathFile, 'utf8')).trim());
  return existsSync(program) ? program : null;
}

/**
 * {@link findElectron}, or fetches the runtime with the package's own script. That is tried once: a second start does not
 * wait for a network that was not there. Says at most one line.
 */
export async function findOrFetchElectron(
  report: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
  places = PLACES,
): Promise<string | null> {
  const found = await findElectron(env, places);
  if (found !== null) return found;
  if (env.OUTRUNNER_ELECTRON) {
    report(`OUTRUNNER_ELECTRON names ${env.OUTRUNNER_ELECTRON}, which is not there; the console opens in the browser.`);
    return null;
  }
  if (existsSync(places.stamp)) {
    report('The Electron runtime is not installed (it could not be fetched before); the console opens in the browser.');
    return null;
  }
  const failure = await runInstallScript(join(places.packageFolder, 'install.js'), env);
  const fetched = failure === null ? await findElectron(env, places) : null;
  if (fetched !== null) {
    await rm(places.stamp, { force: true });
    return fetched;
  }
  await mkdir(join(places.stamp, '..'), { recursive: true });
  await writeFile(places.stamp, `${failure}\n\nDelete this file to let npm start try again.\n`);
  report(
    `The Electron runtime cannot be fetched (${failure ?? 'it is not where it should be'}); the console opens in the browser.`,
  );
  return null;
}

/** Null when it worked, else the reason in a few words. */
function runInstallScript(script: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  if (!existsSync(script)) return Promise.resolve('the npm package electron is not installed');
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: FETCH_WITHIN_MS,
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(0, 10_000);
    });
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      if (code === 0) resolve(null);
      else if (signal !== null) resolve(`it took longer than ${FETCH_WITHIN_MS / 1000} seconds`);
      else resolve(reasonIn(said));
    });
  });
}

/** The first line of a stack that says something: `Error: getaddrinfo ENOTFOUND github.com` → `getaddrinfo ENOTFOUND github.com`. */
export function reasonIn(stderr: string): string {
  const line = stderr.split('\n').find((one) => /\b(?:Error|E[A-Z]{4,})\b/.test(one)) ?? stderr.split('\n')[0] ?? '';
  return (
    line
      .replace(/^\s*(?:\w*Error:?\s*)/, '')
      .trim()
      .slice(0, 160) || 'no reason given'
  );
}
