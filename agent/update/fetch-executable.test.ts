import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../protocol/clock.ts';
import { type ReleasedExecutable, type ReleaseManifest, releaseBytes } from '../../protocol/release.ts';
import { createTransport } from '../connection/transport.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { fetchCompressed, unpackExecutable } from './fetch-executable.ts';
import { readOrderedRelease } from './read-release.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const PLAIN = Buffer.concat([randomBytes(300_000), Buffer.alloc(100_001, 1)]);

function released(encoding: 'gzip' | 'deflate-raw' = 'gzip'): { packed: Buffer; executable: ReleasedExecutable } {
  const packed = encoding === 'gzip' ? gzipSync(Buffer.concat([PLAIN, Buffer.alloc(512)])) : deflateRawSync(PLAIN);
  const executable: ReleasedExecutable = {
    target: 'linux-x64',
    file: 'linux-x64/outrunner-agent',
    size: PLAIN.length,
    sha256: sha256(PLAIN),
    crc32: 0,
    nodeVersion: '24.21.0',
    compressed: { file: 'linux-x64/x.gz', encoding, size: packed.length, sha256: sha256(packed) },
  };
  return { packed, executable };
}

/** A server that answers as `answer` says; the headers of each request are kept. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse, time: number) => void) {
  const asked: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers);
    answer(request, response, asked.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createTransport({ coordinator: { url, publicKey: '' } });
  const progress: number[] = [];
  /** Called one by one, when bytes have arrived in the file. */
  const whenHeard: (() => void)[] = [];
  const path = join(await temporaryFolder(), 'fetched', 'file');
  const fetched = (executable: ReleasedExecutable, signal = new AbortController().signal) =>
    fetchCompressed(executable, 'the-ticket', path, {
      transport,
      clock: systemClock(),
      random: () => 0,
      signal,
      onProgress: (received) => {
        progress.push(received);
        whenHeard.shift()?.();
      },
    });
  return { asked, progress, path, fetched, whenHeard };
}

test.each(['gzip', 'deflate-raw'] as const)(
  'a download in %s becomes the executable that was released',
  async (encoding) => {
    const { packed, executable } = released(encoding);
    const { fetched, path, asked, progress } = await serve((_request, response) => response.end(packed));
    await fetched(executable);
    expect(asked).toMatchObject([{ authorization: 'Bearer the-ticket' }]);
    expect(progress.at(-1)).toBe(packed.length);
    const file = join(await temporaryFolder(), 'agent');
    await unpackExecutable(path, executable, file);
    expect((await readFile(file)).equals(PLAIN)).toBe(true);
  },
);

test('cut off again and again, it goes on where it was', async () => {
  const { packed, executable } = released();
  const { fetched, path, asked, whenHeard } = await serve((request, response, time) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from > 0) {
      expect(request.headers['if-range']).toBe(`"${executable.compressed.sha256}"`);
      response.writeHead(206, { 'content-range': `bytes ${from}-${packed.length - 1}/${packed.length}` });
    }
    if (time < 4) {
      whenHeard.push(() => response.destroy());
      response.write(packed.subarray(from, from + 90_000));
      return;
    }
    response.end(packed.subarray(from));
  });
  await fetched(executable);
  expect((await readFile(path)).equals(packed)).toBe(true);
  expect(asked.length).toBe(4);
  expect(asked.slice(1).every(({ range }) => range !== undefined)).toBe(true);
});

test('what is not what was released is refused and not kept', async () => {
  const { packed, executable } = released();
  const altered = Buffer.from(packed);
  altered[altered.length >> 1] = (altered[altered.length >> 1] ?? 0) ^ 1;
  const first = await serve((_request, response) => response.end(altered));
  await expect(first.fetched(executable)).rejects.toThrow('its SHA-256 is another one');
  await expect(stat(first.path)).rejects.toThrow('ENOENT');
  const longer = await serve((_request, response) => response.end(Buffer.concat([packed, randomBytes(10)])));
  await expect(longer.fetched(executable)).rejects.toThrow('more than was released');
  // The compressed form is as it was said, and what is in it is not.
  const file = join(await temporaryFolder(), 'packed');
  await writeFile(file, packed);
  const into = join(await temporaryFolder(), 'agent');
  await expect(unpackExecutable(file, { ...executable, sha256: sha256(packed) }, into)).rejects.toThrow('SHA-256');
  await appendFile(file, 'x');
});

test('a refusal ends it at once; an abort ends its waits', async () => {
  const { executable } = released();
  const refused = await serve((_request, response) => response.writeHead(401).end());
  await expect(refused.fetched(executable)).rejects.toThrow('answered 401');
  expect(refused.asked).toHaveLength(1);
  const abort = new AbortController();
  const never = await serve((_request, response) => {
    response.write('x');
    abort.abort('It was cancelled.');
  });
  await expect(never.fetched(executable, abort.signal)).rejects.toBeDefined();
});

test('only what a trusted key has signed is taken, only for this platform, and nothing older', () => {
  const key = (made = generateKeyPairSync('ed25519')) => ({
    ...made,
    raw: made.publicKey.export({ format: 'jwk' }).x ?? '',
  });
  const [own, next, other] = [key(), key(), key()];
  const { executable } = released();
  const manifest: ReleaseManifest = {
    format: 1,
    productVersion: '1.2.0',
    protocolVersion: 2,
    builtAt: '2026-11-26T00:00:00.000Z',
    development: false,
    key: { id: '0123456789abcdef', publicKey: own.raw },
    executables: [executable],
  };
  const signed = (by: typeof own, what: object = manifest) => ({
    text: JSON.stringify(what),
    signature: sign(null, releaseBytes(what as ReleaseManifest), by.privateKey).toString('base64url'),
  });
  const rules = {
    trusted: [own, next].map(({ raw }) => ({ publicKey: raw, development: false })),
    target: 'linux-x64' as const,
    version: '1.1.9',
    allowDowngrade: false,
  };
  const read = ({ text, signature }: { text: string; signature: string }, change: Partial<typeof rules> = {}) =>
    readOrderedRelease(text, signature, { ...rules, ...change });
  expect(read(signed(own)).executable.sha256).toBe(executable.sha256);
  expect(read(signed(next)).manifest.productVersion).toBe('1.2.0');
  // Fields that this version does not know are signed as well.
  expect(read(signed(own, { ...manifest, later: { field: 1 } })).manifest.productVersion).toBe('1.2.0');
  expect(() => read(signed(other))).toThrow('not signed by a key that this agent trusts');
  const { text, signature } = signed(own);
  for (const altered of [
    text.replace(executable.sha256, sha256(randomBytes(1))),
    text.replace('1.2.0', '9.2.0'),
    text.replace('}', ',"later":1}'),
  ]) {
    expect(() => read({ text: altered, signature })).toThrow('not signed');
  }
  expect(() => read({ text: '{', signature })).toThrow('cannot be read');
  expect(() => read(signed(own), { target: 'linux-arm64' as never })).toThrow('no executable for linux-arm64');
  expect(() => read(signed(own), { version: '1.2.1' })).toThrow('older than 1.2.1');
  expect(read(signed(own), { version: '1.2.1', allowDowngrade: true }).manifest.productVersion).toBe('1.2.0');
});
