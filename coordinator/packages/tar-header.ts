/** One POSIX ustar header block (512 bytes). Written by hand because the body of the entry is streamed from a file. */
export interface TarEntry {
  /** Path with forward slashes; a folder ends with one. At most 100 bytes. */
  readonly path: string;
  /** Permission bits, e.g. 0o600. */
  readonly mode: number;
  /** Bytes of the body; 0 for a folder. */
  readonly size: number;
  readonly modified: Date;
}

export const TAR_BLOCK = 512;
/** The largest body that the 11 octal digits of a ustar header can state. */
const LARGEST_BODY = 8 ** 11 - 1;

/** A small file as it stands in an archive: header, content, and the zero bytes up to the next header. */
export function tarFile(path: string, mode: number, content: string | Uint8Array, modified: Date): Buffer {
  const bytes = Buffer.from(content);
  const header = tarHeader({ path, mode, size: bytes.length, modified });
  return Buffer.concat([header, bytes, Buffer.alloc(tarPadding(bytes.length))]);
}

/** How many zero bytes follow a body of `size` bytes. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/** The header block of an entry. Owner and group are root (0) and unnamed, so that nothing of the building host leaks. */
export function tarHeader(entry: TarEntry): Buffer {
  const name = Buffer.from(entry.path, 'utf8');
  if (name.length === 0 || name.length > 100)
    throw new RangeError(`tar entry name has ${name.length} bytes, 1 to 100 fit`);
  if (entry.size > LARGEST_BODY) throw new RangeError(`tar entry "${entry.path}" is larger than 8 GiB`);
  const header = Buffer.alloc(TAR_BLOCK);
  name.copy(header, 0);
  octal(header, entry.mode & 0o7777, 100, 8);
  octal(header, 0, 108, 8);
  octal(header, 0, 116, 8);
  octal(header, entry.size, 124, 12);
  octal(header, Math.max(0, Math.floor(entry.modified.getTime() / 1000)), 136, 12);
  header.write(entry.path.endsWith('/') ? '5' : '0', 156, 'latin1');
  header.write('ustar\0' + '00', 257, 'latin1');
  octal(header, 0, 329, 8);
  octal(header, 0, 337, 8);
  // The checksum counts its own field as spaces.
  header.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function octal(target: Buffer, value: number, offset: number, width: number): void {
  target.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset, 'latin1');
}
