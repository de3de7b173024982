import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflateRaw, createGzip } from 'node:zlib';

/** What is known of a file after it was read once and compressed. */
export interface Compressed {
  readonly size: number;
  readonly sha256: string;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly compressedSha256: string;
}

const TAR_BLOCK = 512;
/** Ninth byte of a gzip header: the operating system. 255 is "unknown", so that the bytes do not tell who built them. */
const GZIP_SYSTEM_OFFSET = 9;

/**
 * Compresses an executable once and for all downloads, as `protocol/release.ts` describes the two encodings. The output
 * appears under its name only when it is complete.
 */
export async function compressExecutable(
  input: string,
  output: string,
  encoding: 'gzip' | 'deflate-raw',
): Promise<Compressed> {
  const plain = createHash('sha256');
  const packed = createHash('sha256');
  let size = 0;
  let checksum = 0;
  let compressedSize = 0;
  await mkdir(dirname(output), { recursive: true });
  const unfinished = `${output}.unfinished`;
  await pipeline(
    createReadStream(input, { highWaterMark: 1024 * 1024 }),
    async function* measure(source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        plain.update(chunk);
        checksum = crc32(chunk, checksum);
        size += chunk.length;
        yield chunk;
      }
      if (encoding === 'gzip') yield Buffer.alloc((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);
    },
    encoding === 'gzip' ? createGzip({ level: 9 }) : createDeflateRaw({ level: 9 }),
    async function* measurePacked(source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        if (
          encoding === 'gzip' &&
          compressedSize <= GZIP_SYSTEM_OFFSET &&
          compressedSize + chunk.length > GZIP_SYSTEM_OFFSET
        ) {
          chunk[GZIP_SYSTEM_OFFSET - compressedSize] = 0xff;
        }
        packed.update(chunk);
        compressedSize += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(unfinished),
  );
  await rename(unfinished, output);
  return {
    size,
    sha256: plain.digest('hex'),
    crc32: checksum,
    compressedSize,
    compressedSha256: packed.digest('hex'),
  };
}

/** Part of what a build depends on: an executable from before that has to be made again. */
export const LAST_BLOCK_FILLED = 'executables of Linux end with a whole block';

/**
 * Fills an executable of Linux with zero bytes up to a whole tar block, which its loader does not look at. Compressed, it
 * then needs no padding, and can also be the body of a cpio entry in an .rpm. What is signed in itself must stay as it is.
 */
export async function fillLastBlock(path: string): Promise<void> {
  const { size } = await stat(path);
  await truncate(path, Math.ceil(size / TAR_BLOCK) * TAR_BLOCK);
}
