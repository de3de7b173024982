import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { PackageFormat } from '../../protocol/package-options.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { ReleasedExecutable } from '../../protocol/release.ts';

/** A piece of an archive: made for this download, or the executable as the build compressed it. */
export type Segment =
  | { readonly kind: 'bytes'; readonly size: number; readonly bytes: Buffer }
  | { readonly kind: 'file'; readonly size: number; readonly path: string };

export const EXECUTABLE_MODE = 0o755;
export const FOLDER_MODE = 0o755;

/**
 * A package for one Runner, put together while it is sent: the executable was compressed when it was built, and only the
 * few small things around it are made per download. Nothing is copied to disk and the executable is never in memory.
 */
export interface Archive {
  readonly format: PackageFormat;
  /** Exact number of bytes of the whole archive. */
  readonly size: number;
  /** Strong entity tag with its quotes: equal tags mean equal bytes, so an interrupted download can go on. */
  readonly etag: string;
  /** Where the compressed executable stands in the archive: first and last byte, both inclusive. */
  readonly executableRange: { readonly start: number; readonly end: number };
  /**
   * The bytes from `start` to `end`, both inclusive as in HTTP; the whole archive when left out.
   * @throws RangeError when the range is not inside the archive.
   */
  stream(start?: number, end?: number): Readable;
  /** SHA-256 of the whole archive, hexadecimal. Reads it once (about a tenth of a second), then remembers. */
  sha256(): Promise<string>;
}

/** The archive of these segments; one of them is the executable. */
export function archiveOf(format: PackageFormat, segments: readonly Segment[], compressedSha256: string): Archive {
  const size = sizeOf(segments);
  const stream = (start = 0, end = size - 1) => streamRange(segments, size, start, end);
  let digest: Promise<string> | undefined;
  return {
    format,
    size,
    etag: etagOf(segments, compressedSha256),
    executableRange: executableRange(segments),
    stream,
    sha256: () => {
      digest ??= sha256Of(stream()).catch((error: unknown) => {
        digest = undefined;
        throw error;
      });
      return digest;
    },
  };
}

export function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.size, 0);
}

/** All bytes of some segments, one after the other. */
export function contentOf(segments: readonly Segment[]): Readable {
  const size = sizeOf(segments);
  return streamRange(segments, size, 0, size - 1);
}

export function bytesSegment(content: Buffer): Segment {
  return { kind: 'bytes', size: content.length, bytes: content };
}

/** The executable as the build compressed it. @throws OutrunnerError `package-missing` when it is absent or another one. */
export async function compressedBody(executable: ReleasedExecutable, path: string): Promise<Segment> {
  const { target, compressed } = executable;
  let found: number;
  try {
    found = (await stat(path)).size;
  } catch (cause) {
    throw new OutrunnerError('package-missing', {
      detail: `The executable for ${target} cannot be read: ${path}`,
      cause,
    });
  }
  if (found === compressed.size) return { kind: 'file', size: found, path };
  throw new OutrunnerError('package-missing', {
    detail: `The executable for ${target} does not fit its manifest: ${path} has ${found} bytes instead of ${compressed.size}.`,
  });
}

/** Gzip members may stand one after the other; what they hold is then one after the other too. */
export function gzipMember(content: Uint8Array): Segment {
  return bytesSegment(gzipped(content));
}

/** Compressed so that equal content gives equal bytes on every host. */
export function gzipped(content: Uint8Array): Buffer {
  const member = gzipSync(content, { level: 9 });
  member[9] = 0xff; // "operating system unknown": zlib writes the host's own
  return member;
}

function executableRange(segments: readonly Segment[]): Archive['executableRange'] {
  const before = segments.slice(
    0,
    segments.findIndex((segment) => segment.kind === 'file'),
  );
  const start = before.reduce((sum, segment) => sum + segment.size, 0);
  return { start, end: start + (segments[before.length]?.size ?? 0) - 1 };
}

/** Covers every byte: the small segments by themselves, the large one by the hash that the build made of it. */
function etagOf(segments: readonly Segment[], compressedSha256: string): string {
  const hash = createHash('sha256').update(compressedSha256);
  for (const segment of segments)
    if (segment.kind === 'bytes') hash.update(`\n${segment.size}\n`).update(segment.bytes);
  return `"${hash.digest('base64url')}"`;
}

function streamRange(segments: readonly Segment[], size: number, start: number, end: number): Readable {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end >= size || start > end) {
    throw new RangeError(`bytes ${start} to ${end} are not inside an archive of ${size} bytes`);
  }
  return Readable.from(chunksOf(segments, start, end), { objectMode: false });
}

async function* chunksOf(segments: readonly Segment[], start: number, end: number): AsyncGenerator<Buffer> {
  let offset = 0;
  for (const segment of segments) {
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, segment.size - 1);
    offset += segment.size;
    if (from > to) continue;
    if (segment.kind === 'bytes') yield segment.bytes.subarray(from, to + 1);
    else yield* fileChunks(segment.path, from, to);
  }
}

/** A file that is cut short while it is sent must break the download, never end it early as if it were complete. */
async function* fileChunks(path: string, from: number, to: number): AsyncGenerator<Buffer> {
  let left = to - from + 1;
  const file: AsyncIterable<Buffer> = createReadStream(path, { start: from, end: to, highWaterMark: 256 * 1024 });
  for await (const chunk of file) {
    left -= chunk.length;
    yield chunk;
  }
  if (left !== 0) throw new Error(`${path} ended ${left} bytes early while it was sent`);
}

async function sha256Of(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}
