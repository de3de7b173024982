import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, gunzipSync, inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compressExecutable, fillLastBlock } from './compress.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-compress-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

it.each([0, 1, 511, 512, 513, 3_000_000])(
  'compresses %d bytes to what its numbers say, padded for tar',
  async (size) => {
    const content = randomBytes(size);
    const input = join(folder, `in-${size}`);
    await writeFile(input, content);
    for (const encoding of ['gzip', 'deflate-raw'] as const) {
      const output = join(folder, `out-${size}.${encoding}`);
      const result = await compressExecutable(input, output, encoding);
      const packed = await readFile(output);
      expect(result).toEqual({
        size,
        sha256: sha256(content),
        crc32: crc32(content),
        compressedSize: packed.length,
        compressedSha256: sha256(packed),
      });
      const plain = encoding === 'gzip' ? gunzipSync(packed) : inflateRawSync(packed);
      expect(plain.subarray(0, size).equals(content)).toBe(true);
      expect(plain.length).toBe(encoding === 'gzip' ? Math.ceil(size / 512) * 512 : size);
      expect(plain.subarray(size).every((byte) => byte === 0)).toBe(true);
      if (encoding === 'gzip') expect(packed[9]).toBe(0xff);
    }
    expect((await readdir(folder)).filter((name) => name.endsWith('.unfinished'))).toEqual([]);
  },
);

it('fills a file to whole blocks with zeros, and leaves one alone that ends with one', async () => {
  for (const size of [0, 1, 511, 512, 513]) {
    const path = join(folder, `fill-${size}`);
    const content = randomBytes(size);
    await writeFile(path, content);
    await fillLastBlock(path);
    const filled = await readFile(path);
    expect(filled.length).toBe(Math.ceil(size / 512) * 512);
    expect(filled.subarray(0, size).equals(content)).toBe(true);
    expect(filled.subarray(size).every((byte) => byte === 0)).toBe(true);
  }
});
