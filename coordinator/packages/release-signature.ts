import { createPublicKey, verify } from 'node:crypto';

/** Whether `signature` (base64url) over `bytes` was made with the Ed25519 key whose raw public half is `publicKey`. */
export function isReleaseSignature(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, bytes, key, Buffer.from(signature, 'base64url'));
  } catch {
    // Not a point on the curve: nothing can be signed by it.
    return false;
  }
}
