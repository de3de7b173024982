import { crc32 } from 'node:zlib';
import type { ReleasedExecutable } from '../../protocol/release.ts';
import {
  type Archive,
  archiveOf,
  bytesSegment,
  compressedBody,
  EXECUTABLE_MODE,
  FOLDER_MODE,
  gzipMember,
  type Segment,
} from './segments.ts';
import { TAR_BLOCK, tarFile, tarHeader } from './tar-header.ts';
import { type ZipEntry, zipDirectory, zipLocalHeader } from './zip-records.ts';

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

/**
 * Lays out an archive that is unpacked by hand. The form follows the precompressed file: `gzip` becomes `.tar.gz`,
 * `deflate-raw` becomes `.zip`.
 * @throws OutrunnerError `package-missing` when the compressed executable is absent or not the one of the manifest.
 */
export async function openArchive(input: ArchiveInput): Promise<Archive> {
  assertPlainName(input.folder, 60);
  for (const name of [input.executableName, ...input.files.map((file) => file.name)]) assertPlainName(name, 39);
  const body = await compressedBody(input.executable, input.compressedPath);
  const { encoding, sha256 } = input.executable.compressed;
  return encoding === 'gzip'
    ? archiveOf('tar.gz', tarSegments(input, body), sha256)
    : archiveOf('zip', zipSegments(input, body), sha256);
}

/** Gzip members may stand one after the other: [folder and header of the executable] [its body, from the build] [the rest]. */
function tarSegments(input: ArchiveInput, body: Segment): Segment[] {
  const { folder, executable, modified } = input;
  const before = Buffer.concat([
    tarHeader({ path: `${folder}/`, mode: FOLDER_MODE, size: 0, modified }),
    tarHeader({ path: `${folder}/${input.executableName}`, mode: EXECUTABLE_MODE, size: executable.size, modified }),
  ]);
  const after = input.files.map((file) => tarFile(`${folder}/${file.name}`, file.mode, file.content, modified));
  const end = Buffer.alloc(2 * TAR_BLOCK);
  return [gzipMember(before), body, gzipMember(Buffer.concat([...after, end]))];
}

function zipSegments(input: ArchiveInput, executableBody: Segment): Segment[] {
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
    return { entry: stored(`${folder}/${file.name}`, file.mode, content), body: bytesSegment(content) };
  });
  const parts: { entry: ZipEntry; body: Segment }[] = [
    { entry: stored(`${folder}/`, FOLDER_MODE, Buffer.alloc(0)), body: bytesSegment(Buffer.alloc(0)) },
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
      body: executableBody,
    },
    ...small,
  ];
  const segments: Segment[] = [];
  const offsets: number[] = [];
  let offset = 0;
  for (const { entry, body } of parts) {
    const header = zipLocalHeader(entry);
    offsets.push(offset);
    segments.push(bytesSegment(header), body);
    offset += header.length + body.size;
  }
  segments.push(
    bytesSegment(
      zipDirectory(
        parts.map((part) => part.entry),
        offsets,
        offset,
      ),
    ),
  );
  return segments;
}

function assertPlainName(name: string, longest: number): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && name.length <= longest) return;
  throw new RangeError(
    `"${name}" cannot be a name in a package: letters, digits, ".", "_" and "-", at most ${longest}`,
  );
}
