import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../protocol/clock.ts';
import type { DownloadProgress } from '../protocol/ipc.ts';
import { type ReleaseManifest, releaseBytes } from '../protocol/release.ts';
import { type DownloadRequest, downloadPackage, suggestedFileName } from './download-package.ts';
import { sha256OfHeaders } from './package-check.ts';
import { sampleRunner } from './testing/sample-runner.ts';
import { SmallCoordinator } from './testing/small-coordinator.ts';

const RUNNER = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const REQUEST: DownloadRequest = { download: 'd1', runner: RUNNER, platform: 'linux-x64', format: 'tar.gz' };
const runnerNamed = (name: string) => sampleRunner({ id: RUNNER, name });
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let folder: string;
let coordinator: SmallCoordinator;
const pair = generateKeyPairSync('ed25519');
const trustedKey = pair.publicKey.export({ format: 'jwk' }).x ?? '';
const executable = randomBytes(300_000);
const content = Buffer.concat([randomBytes(700), executable, randomBytes(1300)]);

interface Offer {
  content?: Buffer;
  headers?: Record<string, string | undefined>;
  answer?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** A coordinator that offers one package; `offer` says what is wrong with it. */
function offerPackage(offer: Offer = {}): void {
  const manifest: ReleaseManifest = {
    format: 1,
    productVersion: '1.2.3',
    protocolVersion: 1,
    builtAt: '2026-11-23T00:00:00.000Z',
    development: false,
    key: { id: '0123456789abcdef', publicKey: trustedKey },
    executables: [
      {
        target: 'linux-x64',
        file: 'linux-x64/outrunner-agent',
        size: 1,
        sha256: hash(randomBytes(1)),
        crc32: 0,
        nodeVersion: '24.21.0',
        compressed: { file: 'x.gz', encoding: 'gzip', size: executable.length, sha256: hash(executable) },
      },
    ],
  };
  const jsonOf = (value: unknown) => (_request: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  coordinator.on(
    'GET /packages',
    jsonOf({
      version: '1.2.3',
      development: false,
      manifest: JSON.stringify(manifest),
      signature: sign(null, releaseBytes(manifest), pair.privateKey).toString('base64url'),
      packages: [],
    }),
  );
  coordinator.on(`GET /runners/${RUNNER}`, jsonOf(runnerNamed('Lab – Öst 1')));
  coordinator.on(
    `GET /runners/${RUNNER}/package`,
    offer.answer ??
      ((_request, response) => {
        const sent = offer.content ?? content;
        const headers = {
          'content-length': String(sent.length),
          'content-digest': `sha-256=:${createHash('sha256').update(content).digest('base64')}:`,
          'x-outrunner-executable-range': `700-${700 + executable.length - 1}`,
          ...offer.headers,
        };
        for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
        response.end(sent);
      }),
  );
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-download-'));
  coordinator = await SmallCoordinator.start();
  coordinator.tokens.add('t');
});
afterEach(async () => {
  await coordinator.stop();
  await rm(folder, { recursive: true, force: true });
});

async function download(
  more: {
    path?: string | null;
    signal?: AbortSignal;
    progress?: (p: DownloadProgress) => void;
    request?: Partial<DownloadRequest>;
  } = {},
) {
  const phases: DownloadProgress[] = [];
  const suggested: string[] = [];
  const outcome = downloadPackage(
    {
      caller: { fetch: (url, init) => fetch(url, init), clock: systemClock() },
      trustedKey,
      chooseFile: async (name) => {
        suggested.push(name);
        return more.path === undefined ? join(folder, name) : more.path;
      },
      progress: (progress) => {
        phases.push(progress);
        more.progress?.(progress);
      },
    },
    { url: coordinator.url, token: 't' },
    { ...REQUEST, ...more.request },
    more.signal ?? new AbortController().signal,
  );
  const settled = await outcome.then(
    (value) => ({ value, error: null }),
    (error: unknown) => ({ value: null, error }),
  );
  return { ...settled, phases, suggested, left: await readdir(folder) };
}

describe('downloading a package', () => {
  it('saves it, byte for byte, checked, for its owner alone, and tells how far it is', async () => {
    offerPackage();
    const { value, phases, suggested, left } = await download();
    const name = 'outrunner-lab-o-st-1-linux-x64.tar.gz';
    expect(suggested).toEqual([name]);
    expect(value?.result).toEqual({
      fileName: name,
      size: content.length,
      sha256: hash(content),
      verified: true,
      development: false,
      saved: true,
    });
    expect(left).toEqual([name]);
    const saved = join(folder, name);
    expect(value?.path).toBe(saved);
    expect((await readFile(saved)).equals(content)).toBe(true);
    if (process.platform !== 'win32') expect((await stat(saved)).mode & 0o777).toBe(0o600);
    expect([...new Set(phases.map(({ phase }) => phase))]).toEqual(['receiving', 'verifying', 'done']);
    expect(phases.at(-1)).toMatchObject({ receivedBytes: content.length, totalBytes: content.length, problem: null });
  });

  it('sends a proxy and certificates in a body, because they may be secret', async () => {
    const asked: { url: string | undefined; body: unknown }[] = [];
    offerPackage();
    coordinator.on(`POST /runners/${RUNNER}/package`, (request, response) => {
      void json(request).then((body) => {
        asked.push({ url: request.url, body });
        response.writeHead(200, {
          'content-length': String(content.length),
          'content-digest': `sha-256=:${createHash('sha256').update(content).digest('base64')}:`,
          'x-outrunner-executable-range': `700-${700 + executable.length - 1}`,
        });
        response.end(content);
      });
    });
    const proxy = 'http://u:geheim@proxy:3128';
    const { value } = await download({ request: { format: 'deb', proxy } });
    expect(value?.result).toMatchObject({ fileName: 'outrunner-lab-o-st-1-linux-x64.deb', verified: true });
    expect(asked).toEqual([
      { url: expect.not.stringContaining('geheim'), body: { platform: 'linux-x64', format: 'deb', proxy } },
    ]);
  });

  it('deletes what was altered on the way, is another executable, or cannot be checked', async () => {
    const altered = Buffer.from(content);
    altered[900] = (altered[900] ?? 0) ^ 1;
    const other = Buffer.from(content);
    other[100_000] = (other[100_000] ?? 0) ^ 1;
    const cases: [Offer, RegExp][] = [
      [{ content: altered }, /SHA-256 is another/],
      [
        {
          content: other,
          headers: { 'content-digest': `sha-256=:${Buffer.from(hash(other), 'hex').toString('base64')}:` },
        },
        /not the one that was released/,
      ],
      [{ headers: { 'content-digest': undefined } }, /did not send the SHA-256/],
      [{ headers: { 'x-outrunner-executable-range': undefined } }, /did not say where/],
      [{ headers: { 'x-outrunner-executable-range': '0-10' } }, /another size/],
    ];
    for (const [offer, why] of cases) {
      offerPackage(offer);
      const { error, phases, left } = await download();
      expect(error).toMatchObject({ code: 'download-refused', message: expect.stringMatching(why) as string });
      expect(phases.at(-1)).toMatchObject({ phase: 'failed', problem: { code: 'download-refused' } });
      expect(left, String(why)).toEqual([]);
    }
  });

  it('leaves nothing behind when the connection breaks, the disk refuses or the person cancels', async () => {
    offerPackage({
      answer: (_request, response) => {
        response.writeHead(200, {
          'content-length': String(content.length),
          'content-digest': `sha-256=:${createHash('sha256').update(content).digest('base64')}:`,
          'x-outrunner-executable-range': `700-${700 + executable.length - 1}`,
        });
        response.write(content.subarray(0, 1000), () => response.destroy());
      },
    });
    const broken = await download();
    expect(broken.error).toMatchObject({ code: 'coordinator-unreachable' });
    expect(broken.left).toEqual([]);

    offerPackage();
    await mkdir(join(folder, 'inside'));
    const refused = await download({ path: join(folder, 'missing', 'x.tar.gz') });
    expect(refused.error).toMatchObject({ code: 'file-not-written' });
    expect(refused.left).toEqual(['inside']);

    const abort = new AbortController();
    const cancelled = await download({ signal: abort.signal, progress: () => abort.abort() });
    expect(cancelled.value).toMatchObject({ result: { saved: false }, path: null });
    expect(cancelled.phases.at(-1)?.phase).toBe('cancelled');
    expect(cancelled.left).toEqual(['inside']);
  });

  it('asks for no byte when the dialog is closed', async () => {
    offerPackage();
    const { value } = await download({ path: null });
    expect(value?.result.saved).toBe(false);
    expect(coordinator.requests.some(({ path }) => path.endsWith('/package'))).toBe(false);
  });

  it('passes on what the coordinator says', async () => {
    offerPackage();
    coordinator.tokens.clear();
    expect((await download()).error).toMatchObject({ code: 'sign-in-needed' });
  });
});

describe('what a download is called', () => {
  it('is a name that every system takes', () => {
    for (const [name, expected] of [
      ['Web 01', 'outrunner-web-01-linux-x64.tar.gz'],
      ['../../etc/passwd', 'outrunner-etc-passwd-linux-x64.tar.gz'],
      ['日本', 'outrunner-runner-linux-x64.tar.gz'],
      ['CON', 'outrunner-con-linux-x64.tar.gz'],
    ]) {
      expect(suggestedFileName(name ?? '', REQUEST)).toBe(expected);
    }
  });
});

describe('the digest of an answer', () => {
  it('is read in its new and its old form', () => {
    const sha = 'a'.repeat(43);
    expect(sha256OfHeaders(new Headers({ 'content-digest': `sha-512=:x:, sha-256=:${sha}=:` }))).toHaveLength(64);
    expect(sha256OfHeaders(new Headers({ digest: `SHA-256=${sha}=` }))).toHaveLength(64);
    expect(sha256OfHeaders(new Headers({ digest: 'MD5=abc' }))).toBeNull();
  });
});
