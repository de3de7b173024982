import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createInflateRaw } from 'node:zlib';
import type { Clock } from '../../protocol/clock.ts';
import type { ReleasedExecutable } from '../../protocol/release.ts';
import { RELEASE_PATH } from '../../protocol/upgrade.ts';
import { backOffMs } from '../connection/back-off.ts';
import { explainFailure } from '../connection/explain-failure.ts';
import { httpDownload } from '../connection/http-download.ts';
import type { Transport } from '../connection/transport.ts';
import { sha256File } from '../installation/program-folder.ts';
import { UpgradeFailed } from './read-release.ts';

/** Tries without a single byte in between, until a download is given up. */
const MOST_TRIES = 8;

export interface FetchDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onProgress: (received: number) => void;
}

/**
 * Fetches the compressed executable into `path` and checks its size and hash. Goes on where an earlier try, or an earlier
 * process of the agent, was cut off. @throws UpgradeFailed when it cannot be had, or is not what was released.
 */
export async function fetchCompressed(
  { target, compressed }: ReleasedExecutable,
  ticket: string,
  path: string,
  deps: FetchDeps,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  let tries = 0;
  for (;;) {
    const before = await sizeOf(path);
    if (before >= compressed.size) break;
    try {
      await fetchFrom(before, `${RELEASE_PATH}/${target}`, ticket, path, compressed, deps);
      tries = 0;
    } catch (error) {
      if (error instanceof UpgradeFailed || deps.signal.aborted) throw error;
      tries = (await sizeOf(path)) > before ? 1 : tries + 1;
      const { detail } = explainFailure(error, deps.transport);
      if (tries >= MOST_TRIES) throw new UpgradeFailed(`The executable could not be fetched: ${detail}`);
      await pause(backOffMs(tries, deps.random), deps);
    }
  }
  if ((await sizeOf(path)) !== compressed.size || (await sha256File(path)) !== compressed.sha256) {
    await rm(path, { force: true });
    throw new UpgradeFailed('What was fetched is not what was released: its SHA-256 is another one.');
  }
}

/** Unpacks what was fetched into `file`, and checks that it is the executable that was released. @throws UpgradeFailed */
export async function unpackExecutable(from: string, executable: ReleasedExecutable, file: string): Promise<void> {
  const hash = createHash('sha256');
  const handle = await open(file, 'wx', 0o755);
  let left = executable.size;
  try {
    await pipeline(
      createReadStream(from, { highWaterMark: 1 << 20 }),
      executable.compressed.encoding === 'gzip' ? createGunzip() : createInflateRaw(),
      async (plain: AsyncIterable<Buffer>) => {
        for await (const chunk of plain) {
          // Behind it are the zeros that pad its entry in an archive.
          const piece = chunk.subarray(0, left);
          left -= piece.length;
          hash.update(piece);
          await handle.writeFile(piece);
        }
      },
    );
  } finally {
    await handle.close();
  }
  if (left !== 0 || hash.digest('hex') !== executable.sha256) {
    throw new UpgradeFailed('The executable is not what was released: its SHA-256 is another one.');
  }
}

async function fetchFrom(
  from: number,
  url: string,
  ticket: string,
  path: string,
  { size, sha256 }: ReleasedExecutable['compressed'],
  deps: FetchDeps,
): Promise<void> {
  const { status, headers, body } = await httpDownload(
    deps.transport,
    url,
    {
      authorization: `Bearer ${ticket}`,
      // The rest only of the same file: a coordinator may have got another release meanwhile.
      ...(from === 0 ? {} : { range: `bytes=${from}-`, 'if-range': `"${sha256}"` }),
    },
    deps,
  );
  if (status !== 200 && status !== 206) {
    for await (const _ of body);
    const what = `The coordinator answered ${status} instead of the executable.`;
    if (status >= 400 && status < 500) throw new UpgradeFailed(what);
    throw new Error(what);
  }
  const isRest = status === 206 && headers['content-range'] === `bytes ${from}-${size - 1}/${size}`;
  if (status === 206 && !isRest) throw new Error('The coordinator sent another part than was asked for.');
  const file = await open(path, isRest ? 'a' : 'w', 0o600);
  let received = isRest ? from : 0;
  try {
    for await (const chunk of body) {
      received += chunk.length;
      if (received > size) throw new UpgradeFailed('The coordinator sent more than was released.');
      await file.writeFile(chunk);
      deps.onProgress(received);
    }
  } finally {
    await file.close();
  }
  if (received < size) throw new Error('The connection ended before all of it was there.');
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

async function pause(ms: number, { clock, signal }: FetchDeps): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = clock.after(ms, resolve);
    signal.addEventListener('abort', () => {
      timer.cancel();
      reject(signal.reason);
    });
  });
}
