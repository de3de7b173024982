import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { OutrunnerError } from '../../protocol/problems.ts';

/** A plain name: it leads nowhere, and means no device, stream or other file on Windows. */
const PLAIN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/**
 * Unpacks a package: the files of its one folder, `top`, into `folder`, which it makes. Nothing else may be in it.
 * @throws OutrunnerError `ssh-upload-damaged` when it is no such package; what the file system says; the reason of `signal`.
 */
export async function unpackZip(file: string, top: string, folder: string, signal: AbortSignal): Promise<void> {
  // Loaded with the first such installation: others do not carry it.
  const { openPromise } = await import('yauzl');
  await mkdir(folder, { mode: 0o700 });
  try {
    const zip = await openPromise(file, { strictFileNames: true });
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted();
      if (entry.fileName === `${top}/`) continue;
      const name = entry.fileName.startsWith(`${top}/`) ? entry.fileName.slice(top.length + 1) : '';
      if (!PLAIN.test(name)) throw damaged(`it holds "${entry.fileName}", which does not belong in it`);
      const content = await zip.openReadStreamPromise(entry);
      // It holds a token: nobody else may read it, also where a folder passes on no rights.
      await pipeline(content, createWriteStream(join(folder, name), { flags: 'wx', mode: 0o600 }), { signal });
    }
  } catch (error) {
    if (signal.aborted || error instanceof OutrunnerError || !(error instanceof Error) || 'syscall' in error)
      throw error;
    throw damaged(error.message);
  }
}

function damaged(why: string): OutrunnerError {
  return new OutrunnerError('ssh-upload-damaged', { detail: `The package cannot be unpacked: ${why}.` });
}
