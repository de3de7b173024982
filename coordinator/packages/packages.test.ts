import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunnerConfigSchema } from '../../protocol/enrolment.ts';
import { ReleaseManifestSchema } from '../../protocol/release.ts';
import { RELEASE_NAMESPACE, sshSignedBytes } from '../../protocol/ssh-signature.ts';
import { followKeys } from '../../protocol/trust.ts';
import { isSignedBy } from '../gateway/signatures.ts';
import { enrolSimulated } from '../testing/simulated-agent.ts';
import { sha256, writeSmallRelease } from '../testing/small-release.ts';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';
import { runnerConfig } from './runner-package.ts';
import { askedRange, namesTag } from './send-archive.ts';

let base: string;
let agentsDir: string;
let whole: WholeCoordinator;
const executable = Buffer.concat([Buffer.from('#!/bin/sh\necho "$@"\n'), randomBytes(300_000)]);

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'outrunner-packages-'));
  agentsDir = join(base, 'agents');
  await writeSmallRelease(agentsDir, executable, ['linux-x64', 'win-x64']);
  whole = await startWhole({ settings: { agentsDir } });
});
afterAll(async () => {
  await whole.stop();
  await rm(base, { recursive: true });
});

/** By a key of nobody. */
function foreignSshSignature(bytes: Buffer): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  const what = sshSignedBytes(RELEASE_NAMESPACE, createHash('sha512').update(bytes).digest());
  return sign(null, what, privateKey).toString('base64url');
}

async function create(name: string, more: Record<string, unknown> = {}) {
  const { body } = await whole.call('createRunner', { body: newRunner(name, more) });
  return { id: String(body.runner.id), token: String(body.enrolment.token) };
}

async function download(id: string, platform = 'linux-x64', headers: Record<string, string> = {}, method = 'GET') {
  const response = await fetch(`${whole.url}/api/v1/runners/${id}/package?platform=${platform}`, {
    method,
    headers: { authorization: `Bearer ${whole.token}`, ...headers },
  });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

describe('the list', () => {
  it('says what there is for which platform, with the signed manifest, and why the rest is not there', async () => {
    const { body } = await whole.call('listPackages');
    expect(body).toMatchObject({ version: '1.2.3', development: true, signature: expect.any(String) });
    expect(ReleaseManifestSchema.parse(JSON.parse(body.manifest)).executables).toHaveLength(2);
    const by = Object.fromEntries(body.packages.map((one: { platform: string }) => [one.platform, one]));
    expect(by['linux-x64']).toMatchObject({
      available: true,
      reason: null,
      formats: ['tar.gz', 'deb'],
      executable: {
        fileName: 'outrunner-agent',
        size: executable.length,
        sha256: sha256(executable),
        platformSignature: null,
      },
    });
    expect(by['macos-arm64']).toMatchObject({
      available: false,
      reason: expect.stringContaining('build:agents'),
      executable: null,
    });
    expect(Object.keys(by)).toHaveLength(5);
  });
});

describe('a download', () => {
  it('is a folder with the executable, the configuration for its user alone, a start script that runs and a README', async () => {
    const { id, token } = await create('Büro & Keller/../#1');
    const { status, headers, bytes } = await download(id);
    expect(status).toBe(200);
    expect(headers.get('content-disposition')).toBe('attachment; filename="outrunner-buro-keller-1-linux-x64.tar.gz"');
    expect(headers.get('content-length')).toBe(String(bytes.length));
    const digest = Buffer.from(sha256(bytes), 'hex').toString('base64');
    expect(headers.get('content-digest')).toBe(`sha-256=:${digest}:`);
    expect(headers.get('digest')).toBe(`SHA-256=${digest}`);
    const folder = join(base, 'unpacked');
    await mkdir(folder);
    await writeFile(join(base, 'package.tar.gz'), bytes);
    execFileSync('tar', ['xzf', join(base, 'package.tar.gz'), '-C', folder]);
    expect(await readdir(folder)).toEqual(['outrunner-buro-keller-1']);
    const inside = join(folder, 'outrunner-buro-keller-1');
    expect((await readdir(inside)).sort()).toEqual([
      'LICENSES.txt',
      'README.txt',
      'install.sh',
      'outrunner-agent',
      'release.json',
      'release.sig',
      'release.signed',
      'release.sshsig',
      'runner.json',
      'start.sh',
    ]);
    expect(sha256(await readFile(join(inside, 'outrunner-agent')))).toBe(sha256(executable));
    expect((await stat(join(inside, 'runner.json'))).mode & 0o777).toBe(0o600);
    const config = RunnerConfigSchema.parse(JSON.parse(await readFile(join(inside, 'runner.json'), 'utf8')));
    expect(await readFile(join(inside, 'release.signed'), 'utf8')).toContain('"anotherField":{"of":"a later build"}');
    expect(config).toMatchObject({ coordinator: { url: whole.url }, runner: { id }, enrolment: { token } });
    expect(config.coordinator.publicKey).toBe((await whole.call('me')).body.coordinator.publicKey);
    expect(await readFile(join(inside, 'README.txt'), 'utf8')).toContain(sha256(executable));
  });

  it('says where the compressed executable stands in it, so that it can be checked against the signed manifest', async () => {
    const { id } = await create('ranges');
    for (const platform of ['linux-x64', 'win-x64']) {
      const { headers, bytes } = await download(id, platform);
      const [start, end] = (headers.get('x-outrunner-executable-range') ?? '').split('-').map(Number);
      const manifest = ReleaseManifestSchema.parse(JSON.parse((await whole.call('listPackages')).body.manifest));
      const released = manifest.executables.find((one) => one.target === platform);
      expect(sha256(bytes.subarray(start, (end ?? 0) + 1))).toBe(released?.compressed.sha256);
    }
  });

  it('has the same bytes each time, whole and in parts', async () => {
    const { id } = await create('resumed');
    const first = await download(id);
    whole.clock.advance(5000);
    expect((await download(id)).bytes.equals(first.bytes)).toBe(true);
    const etag = first.headers.get('etag') ?? '';
    const size = first.bytes.length;
    const parts = [await download(id, 'linux-x64', { range: 'bytes=0-999' })];
    parts.push(await download(id, 'linux-x64', { range: `bytes=1000-${size - 501}`, 'if-range': etag }));
    parts.push(await download(id, 'linux-x64', { range: 'bytes=-500' }));
    expect(parts.map((part) => part.status)).toEqual([206, 206, 206]);
    expect(parts[1]?.headers.get('content-range')).toBe(`bytes 1000-${size - 501}/${size}`);
    expect(parts[1]?.headers.get('repr-digest')).toBe(first.headers.get('repr-digest'));
    expect(Buffer.concat(parts.map((part) => part.bytes)).equals(first.bytes)).toBe(true);
    const changed = await download(id, 'linux-x64', { range: 'bytes=0-9', 'if-range': '"another"' });
    expect([changed.status, changed.bytes.length]).toEqual([200, size]);
    expect((await download(id, 'linux-x64', { 'if-none-match': etag })).status).toBe(304);
    const outside = await download(id, 'linux-x64', { range: `bytes=${size}-` });
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, `bytes */${size}`]);
    const head = await download(id, 'linux-x64', {}, 'HEAD');
    expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([200, String(size), 0]);
  });

  it('carries a proxy and certificates that were given for it, which are checked and in no address', async () => {
    const { id } = await create('of another network');
    const ask = (body: Record<string, unknown>) =>
      fetch(`${whole.url}/api/v1/runners/${id}/package`, {
        method: 'POST',
        headers: { authorization: `Bearer ${whole.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ platform: 'linux-x64', ...body }),
      });
    const proxy = 'http://us%20er:geheim@proxy.example:3128';
    const ca = '-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n';
    const response = await ask({ proxy, ca });
    expect(response.status).toBe(200);
    const path = join(base, 'with-proxy.tar.gz');
    await writeFile(path, Buffer.from(await response.arrayBuffer()));
    const args = ['-xzOf', path, 'outrunner-of-another-network/runner.json'];
    const config = RunnerConfigSchema.parse(JSON.parse(execFileSync('tar', args, { encoding: 'utf8' })));
    expect(config).toMatchObject({ proxy, ca, runner: { id } });
    for (const [body, field] of [
      [{ proxy: 'proxy:3128' }, 'proxy'],
      [{ proxy: 'http://a b' }, 'proxy'],
      [{ ca: 'no certificate' }, 'ca'],
      [{ format: 'zip' }, 'format'],
    ] as const) {
      const refused = await ask(body);
      expect([refused.status, await refused.json()]).toMatchObject([400, { fields: [{ path: field }] }]);
    }
    expect(whole.log.join('')).not.toContain('geheim');
  });

  it('carries the newest key and how it came to be, and says whether the certificates are the coordinator’s own', async () => {
    const before = (await whole.call('me')).body.coordinator.publicKey;
    await whole.call('rotateKey');
    const { id } = await create('newer');
    const { bytes } = await download(id);
    await writeFile(join(base, 'newer.tar.gz'), bytes);
    const args = ['-xzOf', join(base, 'newer.tar.gz'), 'outrunner-newer/runner.json'];
    const { coordinator, ca } = RunnerConfigSchema.parse(JSON.parse(execFileSync('tar', args, { encoding: 'utf8' })));
    const { publicKey, succession = [] } = coordinator;
    expect(publicKey).not.toBe(before);
    expect(followKeys(before, succession, isSignedBy)).toEqual([before, publicKey]);
    expect([ca, coordinator.authoritiesSha256]).toEqual([undefined, undefined]);
    await whole.call('retireKey', { body: {} });

    const { row, settings } = { row: { id, name: 'newer' }, settings: { coordinatorUrl: whole.url, publicKey } };
    const own = '-----BEGIN CERTIFICATE-----\nMIIA\n-----END CERTIFICATE-----\n';
    const enrolment = { token: `ore_${'t'.repeat(43)}`, createdAt: 0, expiresAt: 1000 };
    const config = (wanted: { ca?: string; proxy?: string }) =>
      runnerConfig({ ...settings, succession, proxy: null, ca: own }, row, enrolment, wanted);
    expect(config({}).coordinator.authoritiesSha256).toBe(sha256(Buffer.from(own)));
    expect(config({ ca: own }).coordinator.authoritiesSha256).toBe(sha256(Buffer.from(own)));
    expect(config({ ca: own.replace('MIIA', 'MIIB') }).coordinator.authoritiesSha256).toBeUndefined();
    // The install script changes these without a JSON reader.
    expect(Object.keys(config({ proxy: 'http://proxy:3128' })).slice(0, 4)).toEqual([
      'version',
      'proxy',
      'ca',
      'coordinator',
    ]);
  });

  it('is refused when there is no token to put in: used, expired, or revoked', async () => {
    const { id, token } = await create('used up', { tokenHours: 1 });
    expect((await download(id)).status).toBe(200);
    await enrolSimulated(whole.url, id, token);
    whole.clock.advance(250);
    await whole.call('updateRunner', { params: { id }, body: {} });
    expect(await whole.request('GET', `/api/v1/runners/${id}/package?platform=linux-x64`)).toMatchObject({
      status: 409,
      body: { code: 'enrolment-needed', detail: expect.stringContaining('was used') },
    });
    await whole.call('createEnrolment', { params: { id }, body: { tokenHours: 1 } });
    expect((await download(id)).status).toBe(200);
    whole.clock.jump(3_600_000);
    expect(await whole.request('GET', `/api/v1/runners/${id}/package?platform=linux-x64`)).toMatchObject({
      body: { code: 'enrolment-needed', detail: expect.stringContaining('expired') },
    });
  });

  it('is noted on the Runner, once, and not by looking at it alone', async () => {
    const { id } = await create('noted');
    const noted = async () => (await whole.call('getRunner', { params: { id } })).body.enrolment.downloadedAt;
    await download(id, 'linux-x64', {}, 'HEAD');
    expect(await noted()).toBeNull();
    await download(id);
    const at = new Date(whole.clock.now()).toISOString();
    expect(await noted()).toBe(at);
    whole.clock.advance(1000);
    await download(id);
    expect(await noted()).toBe(at);
  });

  it('says what is not built, which format there is, and finds nothing outside its folder', async () => {
    const { id } = await create('missing');
    const ask = (query: string) => whole.request('GET', `/api/v1/runners/${id}/package?${query}`);
    expect(await ask('platform=macos-x64')).toMatchObject({ status: 409, body: { code: 'package-missing' } });
    expect(await ask('platform=linux-x64&format=zip')).toMatchObject({
      status: 400,
      body: { fields: [{ path: 'query.format' }] },
    });
    expect(await ask('platform=win-x64&format=zip')).toMatchObject({ status: 200 });
    expect(await ask('platform=../../etc')).toMatchObject({
      status: 400,
      body: { fields: [{ path: 'query.platform' }] },
    });
    expect(await ask('')).toMatchObject({ status: 400, body: { fields: [{ path: 'query.platform' }] } });
  });

  it('refuses a release whose SSH signature is wrong, and takes one that was built before there were any', async () => {
    const path = join(agentsDir, 'manifest.json');
    const text = await readFile(path, 'utf8');
    const { id } = await create('for ssh');
    const release: { sshSignature: string; signature: string } = JSON.parse(text);
    const wrong = [
      release.signature,
      `${release.sshSignature.startsWith('A') ? 'B' : 'A'}${release.sshSignature.slice(1)}`,
      foreignSshSignature(Buffer.from('another release')),
    ];
    for (const sshSignature of wrong) {
      await writeFile(path, JSON.stringify({ ...release, sshSignature }));
      expect(await whole.call('listPackages')).toMatchObject({
        status: 409,
        body: { code: 'package-missing', detail: expect.stringContaining('its SSH signature is not one by the key') },
      });
      expect((await download(id)).status).toBe(409);
    }
    await writeFile(path, JSON.stringify({ ...release, sshSignature: 'short' }));
    expect((await download(id)).status).toBe(409);
    await writeFile(path, JSON.stringify({ ...release, sshSignature: undefined }));
    expect((await download(id)).status).toBe(200);
    await writeFile(path, text);
  });

  it('follows a new build without a restart, and says so when one is damaged', async () => {
    const manifest = join(agentsDir, 'manifest.json');
    const text = await readFile(manifest, 'utf8');
    const { id } = await create('rebuilt');
    await rm(manifest);
    expect((await whole.call('listPackages')).body).toMatchObject({ version: null, manifest: null, signature: null });
    await writeFile(manifest, '{"half');
    expect(await whole.call('listPackages')).toMatchObject({ status: 409, body: { code: 'package-missing' } });
    await writeFile(manifest, text.replace('1.2.3', '1.2.4'));
    expect(await whole.call('listPackages')).toMatchObject({ status: 409, body: { code: 'package-missing' } });
    await writeFile(manifest, text.replace('linux-x64/body.gz', '../../../etc/passwd'));
    expect(await whole.call('listPackages')).toMatchObject({ status: 409, body: { code: 'package-missing' } });
    await writeFile(manifest, text);
    expect((await download(id)).status).toBe(200);
    const licences = await readFile(join(agentsDir, 'LICENSES.txt'));
    await writeFile(join(agentsDir, 'LICENSES.txt'), 'other words');
    await writeFile(manifest, `${text}\n`);
    expect((await download(id)).status).toBe(409);
    await writeFile(join(agentsDir, 'LICENSES.txt'), licences);
    expect((await download(id)).status).toBe(200);
    await writeFile(join(agentsDir, 'win-x64', 'body.deflate'), 'short');
    expect((await download(id, 'win-x64')).status).toBe(409);
    const windows = (await whole.call('listPackages')).body.packages.find(
      (one: { platform: string }) => one.platform === 'win-x64',
    );
    expect(windows).toMatchObject({ available: false, reason: expect.stringContaining('altered') });
  });
});

describe('conditions of a request', () => {
  it('read ranges as HTTP means them', () => {
    expect(askedRange('bytes=0-0', 10)).toEqual({ start: 0, end: 0 });
    expect(askedRange('bytes=5-', 10)).toEqual({ start: 5, end: 9 });
    expect(askedRange('bytes=5-99', 10)).toEqual({ start: 5, end: 9 });
    expect(askedRange('bytes=-3', 10)).toEqual({ start: 7, end: 9 });
    expect(askedRange('bytes=-99', 10)).toEqual({ start: 0, end: 9 });
    for (const whole of [undefined, '', 'bytes=-', 'items=0-1', 'bytes=0-1,3-4', 'bytes=5-2', 'bytes=a-b']) {
      expect([whole, askedRange(whole, 10)]).toEqual([whole, null]);
    }
    for (const outside of ['bytes=10-', 'bytes=99-100', 'bytes=-0'])
      expect(() => askedRange(outside, 10)).toThrow(/10 bytes/);
  });

  it('compare entity tags', () => {
    expect(namesTag('"a", W/"b"', '"b"')).toBe(true);
    expect(namesTag('*', '"b"')).toBe(true);
    expect(namesTag('"ab"', '"b"')).toBe(false);
    expect(namesTag(undefined, '"b"')).toBe(false);
  });
});
