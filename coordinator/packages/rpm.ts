import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path/posix';
import { OutrunnerError } from '../../protocol/problems.ts';
import { type RpmEntry, type RpmValue, rpmHeader } from './rpm-header.ts';
import {
  type Archive,
  archiveOf,
  bytesSegment,
  compressedBody,
  contentOf,
  EXECUTABLE_MODE,
  FOLDER_MODE,
  gzipMember,
  type Segment,
  sizeOf,
} from './segments.ts';
import {
  AFTER_INSTALL,
  BEFORE_REMOVE,
  DESCRIPTION,
  linuxArchitecture,
  SUMMARY,
  type SystemPackage,
} from './system-package.ts';

/** What is installed: folder, executable or small file. */
interface Entry {
  readonly path: string;
  /** With the kind of file in it. */
  readonly mode: number;
  readonly size: number;
  /** Hexadecimal; empty for a folder. */
  readonly sha256: string;
  readonly content: Buffer | null;
}

const FOLDER_KIND = 0o040000;
const FILE_KIND = 0o100000;
const SHA256_ALGORITHM = 8;
const HASHES_KEPT = 32;
/** SHA-256 of payloads by what decides them: to make one reads the whole executable. */
const payloadHashes = new Map<string, Promise<string>>();

/** Whether an executable can stand in an rpm as the build compressed it: with zero bytes after it, no cpio can go on. */
export function fitsRpm(size: number): boolean {
  return size % 512 === 0;
}

/**
 * Lays out an rpm (format 3, as rpm 4.14 and later read it): lead, signature header with hashes and no signature, header,
 * and a cpio in several gzip members with the executable as the build compressed it.
 * @throws OutrunnerError `package-missing` when the compressed executable is absent, another one, or does not fit.
 */
export async function openRpm(made: SystemPackage): Promise<Archive> {
  if (!fitsRpm(made.executable.size)) {
    const detail = 'This executable was built before there were .rpm packages. Build it again.';
    throw new OutrunnerError('package-missing', { detail });
  }
  const body = await compressedBody(made.executable, made.compressedPath);
  const entries = entriesOf(made);
  const payload = payloadOf(made, entries, body);
  const plainSize = payload.plainSize;
  const key = archiveOf('rpm', payload.segments, made.executable.compressed.sha256).etag;
  const header = rpmHeader(63, headerEntries(made, entries, await payloadHash(key, payload.segments)));
  const signature = rpmHeader(62, signatureEntries(header, sizeOf(payload.segments), plainSize));
  const padding = Buffer.alloc((8 - (signature.length % 8)) % 8);
  return archiveOf(
    'rpm',
    [bytesSegment(Buffer.concat([lead(made), signature, padding, header])), ...payload.segments],
    made.executable.compressed.sha256,
  );
}

function entriesOf(made: SystemPackage): Entry[] {
  const own = made.folders.filter((folder) => folder.includes(made.name));
  const folders = own.map((path) => ({ path, mode: FOLDER_KIND | FOLDER_MODE, size: 0, sha256: '', content: null }));
  const files = made.files.map(({ path, mode, content }) => ({
    path,
    mode: FILE_KIND | mode,
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    content,
  }));
  const { size, sha256 } = made.executable;
  const executable = { path: made.executablePath, mode: FILE_KIND | EXECUTABLE_MODE, size, sha256, content: null };
  // rpm wants them in the order of their paths, in the header and in the payload.
  return [...folders, ...files, executable].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function payloadOf(made: SystemPackage, entries: readonly Entry[], body: Segment) {
  const at = entries.findIndex((entry) => entry.path === made.executablePath);
  const piece = (entry: Entry, index: number) => {
    const content = entry.content ?? Buffer.alloc(0);
    return Buffer.concat([cpioHeader(`./${entry.path}`, entry, index + 1, made.modified), padded(content)]);
  };
  const pieces = entries.map(piece);
  const before = Buffer.concat(pieces.slice(0, at + 1));
  const end = cpioHeader('TRAILER!!!', { mode: 0, size: 0 }, 0, new Date(0));
  const after = Buffer.concat([...pieces.slice(at + 1), end]);
  return {
    segments: [gzipMember(before), body, gzipMember(after)],
    plainSize: before.length + made.executable.size + after.length,
  };
}

/** The "new ASCII" form: fields of eight hexadecimal digits; name and content each padded to four bytes. */
function cpioHeader(name: string, { mode, size }: Pick<Entry, 'mode' | 'size'>, inode: number, modified: Date): Buffer {
  const seconds = Math.max(0, Math.floor(modified.getTime() / 1000));
  const nameSize = Buffer.byteLength(name) + 1;
  const links = (mode & FOLDER_KIND) === FOLDER_KIND ? 2 : 1;
  const fields = [inode, mode, 0, 0, links, seconds, size, 0, 0, 0, 0, nameSize, 0];
  const digits = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return padded(Buffer.from(`070701${digits}${name}\0`));
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

async function payloadHash(key: string, segments: readonly Segment[]): Promise<string> {
  const known = payloadHashes.get(key);
  if (known !== undefined) return known;
  const made = (async () => {
    const hash = createHash('sha256');
    for await (const chunk of contentOf(segments)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  })();
  payloadHashes.set(key, made);
  const oldest = payloadHashes.keys().next();
  if (payloadHashes.size > HASHES_KEPT && !oldest.done) payloadHashes.delete(oldest.value);
  made.catch(() => payloadHashes.delete(key));
  return made;
}

function lead(made: SystemPackage): Buffer {
  const bytes = Buffer.alloc(96);
  bytes.writeUInt32BE(0xedabeedb, 0);
  bytes.writeUInt8(3, 4);
  bytes.writeUInt16BE(linuxArchitecture(made.executable.target)?.rpmNumber ?? 0, 8);
  bytes.write(`${made.name}-${made.version}-1`.slice(0, 65), 10, 'latin1');
  bytes.writeUInt16BE(1, 76);
  bytes.writeUInt16BE(5, 78);
  return bytes;
}

function signatureEntries(header: Buffer, payloadSize: number, plainSize: number): RpmEntry[] {
  return [
    { tag: 269, value: string(createHash('sha1').update(header).digest('hex')) },
    { tag: 273, value: string(createHash('sha256').update(header).digest('hex')) },
    { tag: 1000, value: int32([header.length + payloadSize]) },
    { tag: 1007, value: int32([plainSize]) },
  ];
}

function headerEntries(made: SystemPackage, entries: readonly Entry[], payloadSha256: string): RpmEntry[] {
  const each = (value: (entry: Entry, index: number) => number) => int32(entries.map(value));
  const folders = [...new Set(entries.map(({ path }) => `/${dirname(path)}/`))];
  const seconds = (when: Date) => Math.max(0, Math.floor(when.getTime() / 1000));
  const architecture = linuxArchitecture(made.executable.target)?.rpm ?? '';
  const evr = `${made.version}-1`;
  const requires = [
    ['/bin/sh', 0, ''],
    ['glibc', COMPARE.equal | COMPARE.greater, '2.28'],
    ['rpmlib(CompressedFileNames)', COMPARE.rpmlib, '3.0.4-1'],
    ['rpmlib(FileDigests)', COMPARE.rpmlib, '4.6.0-1'],
    ['rpmlib(PayloadFilesHavePrefix)', COMPARE.rpmlib, '4.0-1'],
  ] as const;
  const script = (text: string) => string(`set -e\n${text}`);
  return [
    { tag: 100, value: strings(['C']) },
    { tag: 1000, value: string(made.name) },
    { tag: 1001, value: string(made.version) },
    { tag: 1002, value: string('1') },
    { tag: 1004, value: { type: 'i18n', texts: [SUMMARY] } },
    { tag: 1005, value: { type: 'i18n', texts: [DESCRIPTION.join('\n')] } },
    { tag: 1006, value: int32([seconds(made.builtAt)]) },
    { tag: 1007, value: string('localhost') },
    { tag: 1009, value: int32([entries.reduce((sum, entry) => sum + entry.size, 0)]) },
    { tag: 1014, value: string('Apache-2.0') },
    { tag: 1016, value: { type: 'i18n', texts: ['System Environment/Daemons'] } },
    { tag: 1021, value: string('linux') },
    { tag: 1022, value: string(architecture) },
    { tag: 1024, value: script(AFTER_INSTALL) },
    { tag: 1025, value: script(`[ "$1" = 0 ] || exit 0\n${BEFORE_REMOVE}`) },
    { tag: 1028, value: each(({ size }) => size) },
    { tag: 1030, value: { type: 'int16', values: entries.map(({ mode }) => mode) } },
    { tag: 1033, value: { type: 'int16', values: entries.map(() => 0) } },
    { tag: 1034, value: each(() => seconds(made.modified)) },
    { tag: 1035, value: strings(entries.map(({ sha256 }) => sha256)) },
    { tag: 1036, value: strings(entries.map(() => '')) },
    { tag: 1037, value: each(({ path }) => (path.startsWith('usr/share/doc') ? 2 : 0)) },
    { tag: 1039, value: strings(entries.map(() => 'root')) },
    { tag: 1040, value: strings(entries.map(() => 'root')) },
    { tag: 1044, value: string(`${made.name}-${evr}.src.rpm`) },
    { tag: 1045, value: each(() => 0xffff_ffff) },
    { tag: 1047, value: strings([made.name]) },
    { tag: 1048, value: int32(requires.map(([, flags]) => flags)) },
    { tag: 1049, value: strings(requires.map(([name]) => name)) },
    { tag: 1050, value: strings(requires.map(([, , version]) => version)) },
    { tag: 1064, value: string('4.18.0') },
    { tag: 1086, value: string('/bin/sh') },
    { tag: 1087, value: string('/bin/sh') },
    { tag: 1095, value: each(() => 1) },
    { tag: 1096, value: each((_entry, index) => index + 1) },
    { tag: 1097, value: strings(entries.map(() => '')) },
    { tag: 1112, value: int32([COMPARE.equal]) },
    { tag: 1113, value: strings([evr]) },
    { tag: 1116, value: each(({ path }) => folders.indexOf(`/${dirname(path)}/`)) },
    { tag: 1117, value: strings(entries.map(({ path }) => basename(path))) },
    { tag: 1118, value: strings(folders) },
    { tag: 1124, value: string('cpio') },
    { tag: 1125, value: string('gzip') },
    { tag: 1126, value: string('9') },
    { tag: 5011, value: int32([SHA256_ALGORITHM]) },
    { tag: 5062, value: string('utf-8') },
    { tag: 5092, value: strings([payloadSha256]) },
    { tag: 5093, value: int32([SHA256_ALGORITHM]) },
  ];
}

const COMPARE = { greater: 4, equal: 8, rpmlib: (1 << 24) | 2 | 8 } as const;

function string(text: string): RpmValue {
  return { type: 'string', text };
}

function strings(texts: readonly string[]): RpmValue {
  return { type: 'strings', texts };
}

function int32(values: readonly number[]): RpmValue {
  return { type: 'int32', values };
}
