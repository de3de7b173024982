import { createHash, createPublicKey, verify } from 'node:crypto';
import { RELEASE_NAMESPACE, sshPublicKey, sshSignature, sshSignedBytes } from '../../protocol/ssh-signature.ts';

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

/** The same for a signature in the way of OpenSSH (`protocol/ssh-signature.ts`). */
export function isSshReleaseSignature(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  const sha512 = createHash('sha512').update(bytes).digest();
  return isReleaseSignature(publicKey, sshSignedBytes(RELEASE_NAMESPACE, sha512), signature);
}

/** The text of a file that `ssh-keygen -Y verify -s` reads, byte for byte what `ssh-keygen -Y sign` writes. */
export function sshSignatureFile(publicKey: string, signature: string): string {
  const raw = (text: string) => Buffer.from(text, 'base64url');
  const base64 = Buffer.from(sshSignature(RELEASE_NAMESPACE, raw(publicKey), raw(signature))).toString('base64');
  const lines = base64.match(/.{1,70}/g) ?? [];
  return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----', ''].join('\n');
}

/** The key as a line of `authorized_keys` or, after a name, of `allowed_signers`. */
export function sshKeyLine(publicKey: string): string {
  return `ssh-ed25519 ${Buffer.from(sshPublicKey(Buffer.from(publicKey, 'base64url'))).toString('base64')}`;
}
