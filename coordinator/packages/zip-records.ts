/**
 * The three records of a zip file (local header, central directory entry, end), without zip64: a package is far below
 * 4 GiB. Written by hand because the body of the large entry is a deflate stream that exists already.
 */
export interface ZipEntry {
  /** Path with forward slashes; a folder ends with one. */
  readonly path: string;
  readonly mode: number;
  readonly modified: Date;
  readonly method: 'stored' | 'deflate';
  readonly crc32: number;
  /** Bytes in the archive and bytes when extracted. */
  readonly compressedSize: number;
  readonly size: number;
}

const LIMIT = 0xffff_ffff;
const VERSION_NEEDED = 20;
/** Upper byte 3: the attributes are Unix modes. */
const MADE_BY_UNIX = (3 << 8) | VERSION_NEEDED;
const UTF8_NAMES = 1 << 11;

/** What goes before the body of an entry. */
export function zipLocalHeader(entry: ZipEntry): Buffer {
  const name = nameOf(entry);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  writeShared(header, 4, entry, name.length);
  return Buffer.concat([header, name]);
}

/** The directory of the archive and its end record. `offsets[i]` is where the local header of `entries[i]` starts. */
export function zipDirectory(entries: readonly ZipEntry[], offsets: readonly number[], start: number): Buffer {
  const records = entries.map((entry, index) => centralHeader(entry, offsets[index] ?? 0));
  const size = records.reduce((sum, record) => sum + record.length, 0);
  if (start + size > LIMIT) throw new RangeError('the archive is larger than a zip without zip64 can be');
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(start, 16);
  return Buffer.concat([...records, end]);
}

function centralHeader(entry: ZipEntry, offset: number): Buffer {
  const name = nameOf(entry);
  const folder = entry.path.endsWith('/');
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(MADE_BY_UNIX, 4);
  writeShared(header, 6, entry, name.length);
  const unixMode = (folder ? 0o040000 : 0o100000) | (entry.mode & 0o7777);
  // Lower byte: the DOS attribute "directory", which some extractors look at first.
  header.writeUInt32LE(((unixMode << 16) | (folder ? 0x10 : 0)) >>> 0, 38);
  header.writeUInt32LE(offset, 42);
  return Buffer.concat([header, name]);
}

/** The 26 bytes that local and central header have in common, from "version needed" to "extra length". */
function writeShared(header: Buffer, at: number, entry: ZipEntry, nameLength: number): void {
  if (entry.size > LIMIT || entry.compressedSize > LIMIT)
    throw new RangeError(`"${entry.path}" is too large for a zip`);
  const { date, time } = dosDate(entry.modified);
  header.writeUInt16LE(VERSION_NEEDED, at);
  header.writeUInt16LE(UTF8_NAMES, at + 2);
  header.writeUInt16LE(entry.method === 'deflate' ? 8 : 0, at + 4);
  header.writeUInt16LE(time, at + 6);
  header.writeUInt16LE(date, at + 8);
  header.writeUInt32LE(entry.crc32 >>> 0, at + 10);
  header.writeUInt32LE(entry.compressedSize, at + 14);
  header.writeUInt32LE(entry.size, at + 18);
  header.writeUInt16LE(nameLength, at + 22);
}

function nameOf(entry: ZipEntry): Buffer {
  const name = Buffer.from(entry.path, 'utf8');
  if (name.length === 0 || name.length > 0xffff) throw new RangeError(`zip entry name has ${name.length} bytes`);
  return name;
}

/** Zip times are local times without a zone; UTC keeps the bytes the same wherever the coordinator runs. 1980 is the least. */
function dosDate(when: Date): { date: number; time: number } {
  const year = Math.min(Math.max(when.getUTCFullYear(), 1980), 2107);
  if (when.getUTCFullYear() < 1980) return { date: (1 << 5) | 1, time: 0 };
  return {
    date: ((year - 1980) << 9) | ((when.getUTCMonth() + 1) << 5) | when.getUTCDate(),
    time: (when.getUTCHours() << 11) | (when.getUTCMinutes() << 5) | (when.getUTCSeconds() >> 1),
  };
}
