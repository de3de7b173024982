import { createHash } from 'node:crypto';
import { OutrunnerError } from '../protocol/problems.ts';
import type { ReleasedExecutable } from '../protocol/release.ts';

/** Where the compressed executable stands inside the package: `start-end`, both inclusive as in HTTP. */
export const EXECUTABLE_RANGE_HEADER = 'x-outrunner-executable-range';

export interface PackageCheck {
  /** Each chunk in order. */
  update(chunk: Uint8Array): void;
  /**
   * After the last chunk. Returns the SHA-256 of the whole file, hexadecimal.
   * @throws OutrunnerError `download-refused`, and says which of the checks failed.
   */
  finish(): string;
}

/**
 * Checks a package while it is received, without keeping it: the whole against the digest that the coordinator sent, and the
 * executable inside against the signed release.
 * @throws OutrunnerError `download-refused` when the answer does not say enough to check it.
 */
export function checkPackage(headers: Headers, released: ReleasedExecutable): PackageCheck {
  const expected = sha256OfHeaders(headers);
  if (expected === null) throw refused('The coordinator did not send the SHA-256 of the package.');
  const { start, end } = executableRange(headers);
  if (end - start + 1 !== released.compressed.size) {
    throw refused('The executable in the package has another size than the released one.');
  }
  const whole = createHash('sha256');
  const executable = createHash('sha256');
  let offset = 0;
  return {
    update(chunk) {
      whole.update(chunk);
      const from = Math.max(start - offset, 0);
      const to = Math.min(end + 1 - offset, chunk.byteLength);
      if (from < to) executable.update(chunk.subarray(from, to));
      offset += chunk.byteLength;
    },
    finish() {
      const sha256 = whole.digest('hex');
      if (sha256 !== expected) throw refused('The file is not complete or was altered: its SHA-256 is another one.');
      if (executable.digest('hex') !== released.compressed.sha256) {
        throw refused('The executable in the package is not the one that was released.');
      }
      return sha256;
    },
  };
}

/** `Content-Digest: sha-256=:…:` (RFC 9530), or the older `Digest: SHA-256=…`; hexadecimal. */
export function sha256OfHeaders(headers: Headers): string | null {
  const named = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/i.exec(headers.get('content-digest') ?? '');
  const older = /(?:^|,)\s*sha-256=([A-Za-z0-9+/]{43}=)/i.exec(headers.get('digest') ?? '');
  const base64 = (named ?? older)?.[1];
  return base64 === undefined ? null : Buffer.from(base64, 'base64').toString('hex');
}

function executableRange(headers: Headers): { start: number; end: number } {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(headers.get(EXECUTABLE_RANGE_HEADER)?.trim() ?? '');
  if (!match) throw refused('The coordinator did not say where the executable is in the package.');
  return { start: Number(match[1]), end: Number(match[2]) };
}

function refused(detail: string): OutrunnerError {
  return new OutrunnerError('download-refused', { detail });
}
