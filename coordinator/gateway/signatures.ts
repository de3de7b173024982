import { createPublicKey, verify } from 'node:crypto';

/** Whether `signature` (base64url) over `text` was made with the Ed25519 key whose raw public half is `publicKey`. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
  } catch {
    // Not a point on the curve: nothing can be signed by it.
    return false;
  }
}
