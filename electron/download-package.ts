import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ROUTES, routePath } from '../protocol/api/routes.ts';
import type { DownloadProgress, DownloadResult, IpcInput } from '../protocol/ipc.ts';
import { OutrunnerError, toProblem } from '../protocol/problems.ts';
import { executableFor } from '../protocol/release.ts';
import type { Target } from './api-request.ts';
import { type Caller, callCoordinator, problemOf, unreachable } from './coordinator-call.ts';
import { checkPackage, type PackageCheck } from './package-check.ts';
import { verifyRelease } from './verify-release.ts';

export type DownloadRequest = IpcInput<'download.start'>;

export interface DownloadDeps {
  readonly caller: Caller;
  /** The release key that this console was built with; null in a development build. */
  readonly trustedKey: string | null;
  /** The save dialog: a path, or null when the person closed it. */
  chooseFile(suggestedName: string): Promise<string | null>;
  progress(progress: DownloadProgress): void;
}

export interface Downloaded {
  readonly result: DownloadResult;
  /** Where it was saved. Stays in the main process: the page never sees a path. */
  readonly path: string | null;
  /** Bytes of the executable in it, unpacked, and the Runner whose it is; null when nothing was saved. */
  readonly content: { readonly executableSize: number; readonly runnerName: string } | null;
}

/** More than any package; a coordinator that never stops sending is cut off. */
const LARGEST_PACKAGE = 1024 * 1024 * 1024;
const PROGRESS_EVERY_MS = 100;
const NOTHING: DownloadResult = {
  fileName: '',
  size: 0,
  sha256: '',
  verified: false,
  development: false,
  saved: false,
};

const UNSAVED: Downloaded = { result: NOTHING, path: null, content: null };

/**
 * Saves the package of a Runner where the person wants it. It is written beside that place under another name, checked
 * (SHA-256, signature of the release, the executable inside), and only then gets its name; what fails a check is deleted.
 * A closed dialog and an abort resolve with `saved: false`.
 * @throws OutrunnerError with the coordinator's problem, `download-refused`, `file-not-written` or `coordinator-unreachable`.
 */
export async function downloadPackage(
  deps: DownloadDeps,
  target: Target,
  request: DownloadRequest,
  signal: AbortSignal,
): Promise<Downloaded> {
  const { caller } = deps;
  let received = 0;
  let total: number | null = null;
  const tell = (phase: DownloadProgress['phase'], error?: OutrunnerError) =>
    deps.progress({
      download: request.download,
      receivedBytes: received,
      totalBytes: total,
      phase,
      problem: error ? toProblem(error) : null,
    });
  let unfinished: string | null = null;
  try {
    const offered = await callCoordinator(caller, target, 'listPackages', {});
    if (offered.manifest === null || offered.signature === null) throw new OutrunnerError('package-missing');
    const release = verifyRelease(offered.manifest, offered.signature, deps.trustedKey);
    const executable = executableFor(release.manifest, request.platform);
    if (executable === undefined) throw new OutrunnerError('package-missing');
    const runner = await callCoordinator(caller, target, 'getRunner', { params: { id: request.runner } });

    const path = await deps.chooseFile(suggestedFileName(runner.name, request));
    if (path === null || signal.aborted) return UNSAVED;
    const response = await openPackage(caller, target, request, signal);
    total = lengthOf(response.headers);
    tell('receiving');
    const check = checkPackage(response.headers, executable);
    unfinished = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`);
    let told = caller.clock.monotonic();
    await receive(response, unfinished, check, (size) => {
      received = size;
      if (caller.clock.monotonic() - told < PROGRESS_EVERY_MS) return;
      told = caller.clock.monotonic();
      tell('receiving');
    });
    tell('verifying');
    const sha256 = check.finish();
    await written(path, () => rename(unfinished as string, path));
    unfinished = null;
    tell('done');
    const { development } = release;
    return {
      result: { fileName: basename(path), size: received, sha256, verified: true, development, saved: true },
      path,
      content: { executableSize: executable.size, runnerName: runner.name },
    };
  } catch (error) {
    if (signal.aborted) {
      tell('cancelled');
      return UNSAVED;
    }
    const problem = error instanceof OutrunnerError ? error : unreachable(target.url, error);
    tell('failed', problem);
    throw problem;
  } finally {
    if (unfinished !== null) await rm(unfinished, { force: true });
  }
}

async function openPackage(
  caller: Caller,
  target: Target,
  request: DownloadRequest,
  signal: AbortSignal,
): Promise<Response> {
  const { runner: id, download: _, ...wanted } = request;
  const { platform, format, proxy, ca } = wanted;
  // A proxy may have a password: what belongs to this host alone goes in a body, not in an address.
  const withBody = proxy !== undefined || ca !== undefined;
  const path = withBody
    ? routePath(ROUTES.downloadPackageWith, { id })
    : routePath(ROUTES.downloadPackage, { id }, { platform, format });
  const response = await caller.fetch(new URL(path, target.url).href, {
    method: withBody ? 'POST' : 'GET',
    headers: {
      accept: 'application/octet-stream',
      ...(target.token === null ? {} : { authorization: `Bearer ${target.token}` }),
      ...(withBody ? { 'content-type': 'application/json' } : {}),
    },
    ...(withBody ? { body: JSON.stringify(wanted) } : {}),
    redirect: 'error',
    credentials: 'omit',
    cache: 'no-store',
    signal,
  });
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function receive(
  response: Response,
  file: string,
  check: PackageCheck,
  progress: (size: number) => void,
): Promise<void> {
  // The package holds a token: nobody else may read it.
  const handle = await written(file, () => open(file, 'wx', 0o600));
  try {
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > LARGEST_PACKAGE) throw new OutrunnerError('download-refused', { detail: 'The package does not end.' });
      check.update(chunk);
      await written(file, () => handle.writeFile(chunk));
      progress(size);
    }
    await written(file, () => handle.sync());
  } finally {
    await handle.close();
  }
}

/** Tells a full disk and a missing permission apart from a lost connection. */
async function written<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new OutrunnerError('file-not-written', { detail: `${dirname(path)} cannot be written (${reason}).`, cause });
  }
}

function lengthOf(headers: Headers): number | null {
  const text = headers.get('content-length');
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** A file name that every system takes, whatever the Runner is called. */
export function suggestedFileName(runner: string, { platform, format }: DownloadRequest): string {
  const slug = runner
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .toLowerCase()
    .slice(0, 60);
  return `outrunner-${slug || 'runner'}-${platform}.${format}`;
}
