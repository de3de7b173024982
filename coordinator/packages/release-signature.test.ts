import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RELEASE_NAMESPACE, sshSignedBytes } from '../../protocol/ssh-signature.ts';
import { hasSshKeygen } from '../testing/ssh-keygen.ts';
import { isSshReleaseSignature, sshKeyLine, sshSignatureFile } from './release-signature.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-sshsig-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What stands before the 32 bytes of an Ed25519 private key in DER (PKCS#8). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function signedBy(seed: Uint8Array, message: Uint8Array) {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'jwk' }).x ?? '';
  const what = sshSignedBytes(RELEASE_NAMESPACE, createHash('sha512').update(message).digest());
  const signature = sign(null, what, key).toString('base64url');
  return { publicKey, signature };
}

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const messages = fc.uint8Array({ maxLength: 3000 });

describe.skipIf(!hasSshKeygen)('an SSH signature (needs ssh-keygen of OpenSSH 8.1)', () => {
  const verified = (input: Uint8Array, ...how: string[]) =>
    spawnSync('ssh-keygen', ['-Y', ...how, '-s', join(folder, 'sig')], { input }).status === 0;
  const signers = () => ['-f', join(folder, 'signers'), '-I', 'release'];

  it('is one to ssh-keygen for any key and any bytes, and not for others, nor for another purpose', async () => {
    const property = fc.asyncProperty(seeds, messages, fc.nat(), async (seed, message, place) => {
      const { publicKey, signature } = signedBy(seed, message);
      await writeFile(join(folder, 'sig'), sshSignatureFile(publicKey, signature));
      await writeFile(join(folder, 'signers'), `release ${sshKeyLine(publicKey)}\n`);
      expect(verified(message, 'check-novalidate', '-n', RELEASE_NAMESPACE)).toBe(true);
      expect(verified(message, 'verify', ...signers(), '-n', RELEASE_NAMESPACE)).toBe(true);
      expect(verified(message, 'verify', ...signers(), '-n', 'file')).toBe(false);
      expect(isSshReleaseSignature(publicKey, message, signature)).toBe(true);
      const changed = Uint8Array.from([...message, 0]);
      const at = place % message.length || 0;
      changed.set([(message[at] ?? 0) ^ 1], at);
      expect(verified(changed, 'check-novalidate', '-n', RELEASE_NAMESPACE)).toBe(false);
      expect(isSshReleaseSignature(publicKey, changed, signature)).toBe(false);
    });
    await fc.assert(property, { numRuns: 25 });
  });

  it('is, byte for byte, the one that ssh-keygen makes with the same key', async () => {
    const key = join(folder, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
    const seed = seedOf(await readFile(key, 'utf8'));
    const file = join(folder, 'message');
    const property = fc.asyncProperty(messages, async (message) => {
      await writeFile(file, message);
      await rm(`${file}.sig`, { force: true });
      execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', key, '-n', RELEASE_NAMESPACE, file], { stdio: 'pipe' });
      const { publicKey, signature } = signedBy(seed, message);
      expect(sshSignatureFile(publicKey, signature)).toBe(await readFile(`${file}.sig`, 'utf8'));
      expect((await readFile(`${key}.pub`, 'utf8')).trim()).toBe(sshKeyLine(publicKey));
    });
    await fc.assert(property, { numRuns: 15 });
  });
});

/** The secret 32 bytes in a file of OpenSSH without a passphrase (PROTOCOL.key): they follow the length of both halves, 64. */
function seedOf(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll(/-----.*-----|\s/g, ''), 'base64');
  const at = bytes.indexOf(Buffer.from([0, 0, 0, 64])) + 4;
  return bytes.subarray(at, at + 32);
}
