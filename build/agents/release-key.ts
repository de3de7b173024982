import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ReleaseManifest, releaseBytes, type SignedRelease } from '../../protocol/release.ts';
import { RELEASE_NAMESPACE, sshSignedBytes } from '../../protocol/ssh-signature.ts';
import { BUILD_STATE } from '../paths.ts';
import { BuildError } from './build-error.ts';

/** The key that vouches for what was built. */
export interface ReleaseKey {
  readonly privateKey: KeyObject;
  /** First 16 hexadecimal digits of the SHA-256 of the raw public key. */
  readonly id: string;
  /** Raw public key, base64url. */
  readonly publicKey: string;
  /** True for the key that was made on this machine because none was given. */
  readonly development: boolean;
  readonly path: string;
}

export const DEVELOPMENT_KEY = join(BUILD_STATE, 'release-key.pem');

/**
 * The key of `OUTRUNNER_RELEASE_KEY` (path of a PEM file), or else the development key, which is made when it is absent.
 * @throws BuildError when the given file cannot be read or does not hold an Ed25519 private key.
 */
export async function loadReleaseKey(env: NodeJS.ProcessEnv = process.env, own = DEVELOPMENT_KEY): Promise<ReleaseKey> {
  const given = env.OUTRUNNER_RELEASE_KEY;
  if (given) return readKey(given, false);
  await makeKeyUnlessPresent(own);
  return readKey(own, true);
}

/**
 * Tells one release key from another without reading it: whoever starts what is built already need not be allowed to sign.
 * Makes the development key when it is the one to use and there is none.
 */
export async function releaseKeyMark(env: NodeJS.ProcessEnv = process.env, own = DEVELOPMENT_KEY): Promise<string> {
  const given = env.OUTRUNNER_RELEASE_KEY;
  if (!given) await makeKeyUnlessPresent(own);
  const path = given || own;
  const found = await stat(path).catch(() => undefined);
  return `${path} ${found ? `${found.size} ${found.mtimeMs}` : 'missing'}`;
}

/** Signs a manifest, for OpenSSL and for OpenSSH; the answer is the content of `manifest.json`. */
export function signRelease(manifest: ReleaseManifest, key: ReleaseKey): SignedRelease {
  const by = (bytes: Uint8Array) => sign(null, bytes, key.privateKey).toString('base64url');
  const bytes = releaseBytes(manifest);
  const release = { manifest, signature: by(bytes), sshSignature: by(forSsh(bytes)) };
  if (!isSignedByItsKey(release)) throw new BuildError('The signature that was just made does not verify.');
  return release;
}

/**
 * Whether its signatures fit the key that the manifest itself names. This proves that nothing was altered or cut off; whether
 * that key is one to trust is another question.
 */
export function isSignedByItsKey(release: SignedRelease): boolean {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: release.manifest.key.publicKey };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const fits = (bytes: Uint8Array, signature: string) => verify(null, bytes, key, Buffer.from(signature, 'base64url'));
  const { manifest, signature, sshSignature } = release;
  const bytes = releaseBytes(manifest);
  return fits(bytes, signature) && (sshSignature === undefined || fits(forSsh(bytes), sshSignature));
}

function forSsh(bytes: Uint8Array): Uint8Array {
  return sshSignedBytes(RELEASE_NAMESPACE, createHash('sha512').update(bytes).digest());
}

async function readKey(path: string, development: boolean): Promise<ReleaseKey> {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(await readFile(path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BuildError(`The release key cannot be read from ${path}: ${reason}`);
  }
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new BuildError(`The release key in ${path} is ${privateKey.asymmetricKeyType}; it has to be Ed25519.`);
  }
  const publicKey = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '';
  const id = createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex').slice(0, 16);
  return { privateKey, id, publicKey, development, path };
}

/** Two builds at the same time agree on one key: it gets its name only when it is whole, and the second one loses. */
async function makeKeyUnlessPresent(path: string): Promise<void> {
  if (existsSync(path)) return;
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.${randomUUID()}`;
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(unfinished, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  try {
    await link(unfinished, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(unfinished);
  }
}
