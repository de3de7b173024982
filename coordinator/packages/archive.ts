import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32, gzipSync } from 'node:zlib';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { ArchiveFormat, ReleasedExecutable } from '../../protocol/release.ts';
import { TAR_BLOCK, tarHeader, tarPadding } from './tar-header.ts';
import { type ZipEntry, zipDirectory, zipLocalHeader } from './zip-records.ts';

/**
 * A package for one Runner, put together while it is sent: the executable was compressed when it was built, and only the
 * few small things around it are made per download. Nothing is copied to disk and the executable is never in memory.
 */
export interface Archive {
  readonly format: ArchiveFormat;
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

export interface SmallFile {
  /** Plain name inside the folder. */
  readonly name: string;
  /** Permission bits, e.g. 0o600. */
  readonly mode: number;
  readonly content: string | Uint8Array;
}

export interface ArchiveInput {
  /** Top folder of the archive; plain name, at most 60 bytes. */
  readonly folder: string;
  /** Name of the executable inside the folder. */
  readonly executableName: string;
  readonly executable: ReleasedExecutable;
  /** Where `executable.compressed.file` lies on this machine. */
  readonly compressedPath: string;
  readonly files: readonly SmallFile[];
  /** Time stamp of all entries; fixed by the caller so that the same package has the same bytes. */
  readonly modified: Date;
}

type Segment =
  | { readonly kind: 'bytes'; readonly size: number; readonly bytes: Buffer }
  | { readonly kind: 'file'; readonly size: number; readonly path: string };

const EXECUTABLE_MODE = 0o755;
const FOLDER_MODE = 0o755;

/**
 * Lays out the archive. The form follows the precompressed file: `gzip` becomes `.tar.gz`, `deflate-raw` becomes `.zip`.
 * @throws OutrunnerError `package-missing` when the compressed executable is absent or not the one of the manifest.
 */
export async function openArchive(input: ArchiveInput): Promise<Archive> {
  assertPlainName(input.folder, 60);
  for (const name of [input.executableName, ...input.files.map((file) => file.name)]) assertPlainName(name, 39);
  await assertCompressedFile(input);
  const gzip = input.executable.compressed.encoding === 'gzip';
  const segments = gzip ? tarSegments(input) : zipSegments(input);
  const size = segments.reduce((sum, segment) => sum + segment.size, 0);
  const stream = (start = 0, end = size - 1) => streamRange(segments, size, start, end);
  let digest: Promise<string> | undefined;
  return {
    format: gzip ? 'tar.gz' : 'zip',
    size,
    etag: etagOf(segments, input.executable.compressed.sha256),
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

/** Gzip members may stand one after the other: [folder and header of the executable] [its body, from the build] [the rest]. */
function tarSegments(input: ArchiveInput): Segment[] {
  const { folder, executable, modified } = input;
  const before = Buffer.concat([
    tarHeader({ path: `${folder}/`, mode: FOLDER_MODE, size: 0, modified }),
    tarHeader({ path: `${folder}/${input.executableName}`, mode: EXECUTABLE_MODE, size: executable.size, modified }),
  ]);
  const after = input.files.flatMap((file) => {
    const content = Buffer.from(file.content);
    return [
      tarHeader({ path: `${folder}/${file.name}`, mode: file.mode, size: content.length, modified }),
      content,
      Buffer.alloc(tarPadding(content.length)),
    ];
  });
  const end = Buffer.alloc(2 * TAR_BLOCK);
  return [gzipMember(before), compressedBody(input), gzipMember(Buffer.concat([...after, end]))];
}

function zipSegments(input: ArchiveInput): Segment[] {
  const { folder, executable, modified } = input;
  const stored = (path: string, mode: number, content: Buffer): ZipEntry => ({
    path,
    mode,
    modified,
    method: 'stored',
    crc32: crc32(content),
    compressedSize: content.length,
    size: content.length,
  });
  const small = input.files.map((file) => {
    const content = Buffer.from(file.content);
    return { entry: stored(`${folder}/${file.name}`, file.mode, content), body: bytes(content) };
  });
  const parts: { entry: ZipEntry; body: Segment }[] = [
    { entry: stored(`${folder}/`, FOLDER_MODE, Buffer.alloc(0)), body: bytes(Buffer.alloc(0)) },
    {
      entry: {
        path: `${folder}/${input.executableName}`,
        mode: EXECUTABLE_MODE,
        modified,
        method: 'deflate',
        crc32: executable.crc32,
        compressedSize: executable.compressed.size,
        size: executable.size,
      },
      body: compressedBody(input),
    },
    ...small,
  ];
  const segments: Segment[] = [];
  const offsets: number[] = [];
  let offset = 0;
  for (const { entry, body } of parts) {
    const header = zipLocalHeader(entry);
    offsets.push(offset);
    segments.push(bytes(header), body);
    offset += header.length + body.size;
  }
  segments.push(
    bytes(
      zipDirectory(
        parts.map((part) => part.entry),
        offsets,
        offset,
      ),
    ),
  );
  return segments;
}

function bytes(content: Buffer): Segment {
  return { kind: 'bytes', size: content.length, bytes: content };
}

function compressedBody(input: ArchiveInput): Segment {
  return { kind: 'file', size: input.executable.compressed.size, path: input.compressedPath };
}

function gzipMember(content: Buffer): Segment {
  const member = gzipSync(content, { level: 9 });
  member[9] = 0xff; // "operating system unknown": zlib writes the host's own, and the bytes must not depend on the host
  return bytes(member);
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

async function assertCompressedFile(input: ArchiveInput): Promise<void> {
  const { target, compressed } = input.executable;
  let found: number;
  try {
    found = (await stat(input.compressedPath)).size;
  } catch (cause) {
    throw new OutrunnerError('package-missing', {
      detail: `The executable for ${target} cannot be read: ${input.compressedPath}`,
      cause,
    });
  }
  if (found === compressed.size) return;
  throw new OutrunnerError('package-missing', {
    detail: `The executable for ${target} does not fit its manifest: ${input.compressedPath} has ${found} bytes instead of ${compressed.size}.`,
  });
}

function assertPlainName(name: string, longest: number): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && name.length <= longest) return;
  throw new RangeError(
    `"${name}" cannot be a name in a package: letters, digits, ".", "_" and "-", at most ${longest}`,
  );
}
