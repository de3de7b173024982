import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { crc32, createGunzip, deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ReleasedExecutable } from '../../protocol/release.ts';
import { type ArchiveInput, openArchive } from './archive.ts';
import type { Archive } from './segments.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-archive-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Half noise, half zeros: large enough to cross several read chunks, and compressible. */
const executable = Buffer.concat([randomBytes(700_001), Buffer.alloc(300_000, 7)]);
const modified = new Date('2026-11-23T10:20:30.000Z');
const files = [
  { name: 'runner.json', mode: 0o600, content: '{"token":"ore_x"}\n' },
  { name: 'README.txt', mode: 0o644, content: 'Größe: ünïcode\n' },
  { name: 'start.sh', mode: 0o755, content: '#!/bin/sh\nexec true\n' },
];

async function inputFor(encoding: 'gzip' | 'deflate-raw'): Promise<ArchiveInput> {
  const padding = Buffer.alloc((512 - (executable.length % 512)) % 512);
  const packed =
    encoding === 'gzip' ? gzipSync(Buffer.concat([executable, padding])) : deflateRawSync(executable, { level: 9 });
  const compressedPath = join(folder, `${encoding}.bin`);
  await writeFile(compressedPath, packed);
  const entry: ReleasedExecutable = {
    target: encoding === 'gzip' ? 'linux-x64' : 'win-x64',
    file: 'x/outrunner-agent',
    size: executable.length,
    sha256: createHash('sha256').update(executable).digest('hex'),
    crc32: crc32(executable),
    nodeVersion: '24.21.0',
    compressed: {
      file: 'x/outrunner-agent.packed',
      encoding,
      size: packed.length,
      sha256: createHash('sha256').update(packed).digest('hex'),
    },
  };
  return {
    folder: 'outrunner-berlin-dmz',
    executableName: encoding === 'gzip' ? 'outrunner-agent' : 'outrunner-agent.exe',
    executable: entry,
    compressedPath,
    files,
    modified,
  };
}

/** Paths of what this process has open (Linux). A descriptor may vanish between listing and reading: that is "not open". */
async function openFiles(): Promise<string[]> {
  const links = await readdir('/proc/self/fd');
  return Promise.all(links.map((link) => readlink(`/proc/self/fd/${link}`).catch(() => '')));
}

const read = (stream: Readable) => buffer(stream);

interface Extracted {
  readonly mode: number;
  readonly content: Buffer;
  readonly modified: number;
}

/** Reads a package with an independent implementation. */
async function readTar(archive: Archive): Promise<Map<string, Extracted>> {
  const found = new Map<string, Extracted>();
  const reader = extract();
  reader.on('entry', (header, body, next) => {
    buffer(body).then((content) => {
      found.set(header.name, { mode: header.mode ?? 0, content, modified: header.mtime?.getTime() ?? 0 });
      next();
    }, next);
  });
  await pipeline(archive.stream(), createGunzip(), reader);
  return found;
}

/** Runs a program; its error output is part of the failure. */
function run(program: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stderr}`));
      else resolve(stdout);
    });
  });
}

async function save(archive: Archive, name: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, archive.stream());
  return path;
}

describe('a .tar.gz package', () => {
  it('holds the executable and the small files with their modes, as an independent reader sees it', async () => {
    const archive = await openArchive(await inputFor('gzip'));
    expect(archive.format).toBe('tar.gz');
    const found = await readTar(archive);
    expect([...found.keys()]).toEqual([
      'outrunner-berlin-dmz/',
      'outrunner-berlin-dmz/outrunner-agent',
      'outrunner-berlin-dmz/runner.json',
      'outrunner-berlin-dmz/README.txt',
      'outrunner-berlin-dmz/start.sh',
    ]);
    const agent = found.get('outrunner-berlin-dmz/outrunner-agent');
    expect(agent?.content.equals(executable)).toBe(true);
    expect(agent?.mode).toBe(0o755);
    expect(agent?.modified).toBe(modified.getTime());
    expect(found.get('outrunner-berlin-dmz/runner.json')?.mode).toBe(0o600);
    expect(found.get('outrunner-berlin-dmz/README.txt')?.content.toString()).toBe('Größe: ünïcode\n');
  });

  it('is unpacked by the tar of the host', async () => {
    const path = await save(await openArchive(await inputFor('gzip')), 'package.tar.gz');
    const into = join(folder, 'untarred');
    await mkdir(into);
    await run('tar', ['-xzf', path, '-C', into]);
    const unpacked = join(into, 'outrunner-berlin-dmz');
    expect((await readFile(join(unpacked, 'outrunner-agent'))).equals(executable)).toBe(true);
    expect(await readFile(join(unpacked, 'start.sh'), 'utf8')).toBe('#!/bin/sh\nexec true\n');
    if (process.platform !== 'win32') {
      expect((await stat(join(unpacked, 'runner.json'))).mode & 0o777).toBe(0o600);
      expect((await stat(join(unpacked, 'outrunner-agent'))).mode & 0o777).toBe(0o755);
    }
  });
});

describe('a .zip package', () => {
  it('is unpacked with its contents and modes by an independent reader', async () => {
    const archive = await openArchive(await inputFor('deflate-raw'));
    expect(archive.format).toBe('zip');
    const path = await save(archive, 'package.zip');
    const into = join(folder, 'unzipped');
    await mkdir(into);
    await unzip(path, into);
    const unpacked = join(into, 'outrunner-berlin-dmz');
    expect((await readFile(join(unpacked, 'outrunner-agent.exe'))).equals(executable)).toBe(true);
    expect(await readFile(join(unpacked, 'README.txt'), 'utf8')).toBe('Größe: ünïcode\n');
    if (process.platform !== 'win32') expect((await stat(join(unpacked, 'runner.json'))).mode & 0o777).toBe(0o600);
  });
});

describe.each(['gzip', 'deflate-raw'] as const)('a package made of %s', (encoding) => {
  it('has the announced size and hash, and the same bytes each time', async () => {
    const input = await inputFor(encoding);
    const first = await openArchive(input);
    const second = await openArchive(input);
    const content = await read(first.stream());
    expect(content.length).toBe(first.size);
    expect((await read(second.stream())).equals(content)).toBe(true);
    expect(second.etag).toBe(first.etag);
    expect(await first.sha256()).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('gives any range exactly as the whole has it', async () => {
    const archive = await openArchive(await inputFor(encoding));
    const whole = await read(archive.stream());
    const position = fc.oneof(
      fc.integer({ min: 0, max: archive.size - 1 }),
      fc.integer({ min: 0, max: 400 }),
      fc.integer({ min: archive.size - 2000, max: archive.size - 1 }),
    );
    await fc.assert(
      fc.asyncProperty(position, position, async (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a];
        expect((await read(archive.stream(start, end))).equals(whole.subarray(start, end + 1))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a range that is not inside it', async () => {
    const archive = await openArchive(await inputFor(encoding));
    for (const [start, end] of [
      [-1, 5],
      [5, 4],
      [0, archive.size],
      [Number.NaN, 3],
    ] as const) {
      expect(() => archive.stream(start, end)).toThrow(RangeError);
    }
  });

  it('changes its tag with any of its contents', async () => {
    const input = await inputFor(encoding);
    const tags = await Promise.all(
      [
        input,
        { ...input, folder: 'outrunner-other' },
        { ...input, files: files.slice(1) },
        { ...input, modified: new Date(0) },
        {
          ...input,
          executable: {
            ...input.executable,
            compressed: { ...input.executable.compressed, sha256: 'f'.repeat(64) },
          },
        },
      ].map(async (each) => (await openArchive(each)).etag),
    );
    expect(new Set(tags).size).toBe(tags.length);
    for (const tag of tags) expect(tag).toMatch(/^"[A-Za-z0-9_-]+"$/);
  });

  it('closes the executable when a download is abandoned', async () => {
    const input = await inputFor(encoding);
    const stream = (await openArchive(input)).stream();
    await new Promise((resolve) => stream.once('data', resolve));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy();
    await closed;
    if (process.platform !== 'linux') return;
    await vi.waitFor(async () => expect(await openFiles()).not.toContain(input.compressedPath));
  });

  it('breaks the download when the executable is cut short under it', async () => {
    const input = await inputFor(encoding);
    const archive = await openArchive(input);
    await truncate(input.compressedPath, 1000);
    await expect(read(archive.stream())).rejects.toThrow('bytes early');
  });

  it('is refused when the executable is missing or is another one', async () => {
    const input = await inputFor(encoding);
    await expect(openArchive({ ...input, compressedPath: join(folder, 'nowhere') })).rejects.toMatchObject({
      code: 'package-missing',
    });
    await truncate(input.compressedPath, 10);
    await expect(openArchive(input)).rejects.toMatchObject({ code: 'package-missing' });
  });

  it('refuses names that would leave its folder', async () => {
    const input = await inputFor(encoding);
    for (const name of ['../x', 'a/b', '', '.hidden', 'x'.repeat(200), 'a\0b']) {
      await expect(openArchive({ ...input, folder: name })).rejects.toThrow(RangeError);
      await expect(openArchive({ ...input, files: [{ name, mode: 0o644, content: '' }] })).rejects.toThrow(RangeError);
    }
  });
});

/** Info-ZIP where it is, otherwise the tar of Windows and macOS, which is bsdtar and reads zip. */
async function unzip(path: string, into: string): Promise<void> {
  if (process.platform === 'win32') await run('tar', ['-xf', path, '-C', into]);
  else await run('unzip', ['-q', path, '-d', into]);
}
