import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';

/** Keys of the replica, made on this host. Public halves travel as raw 32 bytes in base64url, private ones never do. */

export interface ReplicaKeys {
  /** Ed25519. */
  readonly signing: KeyObject;
  /** X25519. */
  readonly sealing: KeyObject;
}

export function makeReplicaKeys(): ReplicaKeys {
  return { signing: generateKeyPairSync('ed25519').privateKey, sealing: generateKeyPairSync('x25519').privateKey };
}

/** PKCS#8 in PEM. */
export function privateKeyText(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Throws when the text is no private key. */
export function privateKeyFrom(pem: string): KeyObject {
  return createPrivateKey(pem);
}

/** The raw public half, base64url. */
export function publicKeyText(privateKey: KeyObject): string {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  if (x === undefined) throw new TypeError('This kind of key has no raw public form.');
  return x;
}

export function signText(privateKey: KeyObject, text: string): string {
  return sign(null, Buffer.from(text), privateKey).toString('base64url');
}

/** A check of signatures by one Ed25519 key (raw, base64url). Never throws for a bad signature. */
export function signatureVerifier(publicKey: string): (text: string, signature: string) => boolean {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
  return (text, signature) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
}

/** Whether `signature` over `text` was made with this raw Ed25519 key. Never throws, whatever the key is. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    return signatureVerifier(publicKey)(text, signature);
  } catch {
    return false; // 32 bytes that are no key: nothing is signed with it.
  }
}
