/**
 * Signatures as OpenSSH makes and checks them (`ssh-keygen -Y`, its PROTOCOL.sshsig), by Ed25519 keys over SHA-512. Pure: whoever
 * signs or verifies brings the crypto.
 */

/** Binds an SSH signature to its purpose: one for another purpose by the same key does not count. */
export const RELEASE_NAMESPACE = 'outrunner-release';

const KEY_TYPE = 'ssh-ed25519';
const HASH = 'sha512';
const MAGIC = text('SSHSIG');
const VERSION = Uint8Array.of(0, 0, 0, 1);
const RESERVED = new Uint8Array();

/** What the key signs in place of a message: the SHA-512 of the message, with the purpose before it. */
export function sshSignedBytes(namespace: string, sha512: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined(MAGIC, field(text(namespace)), field(RESERVED), field(text(HASH)), field(sha512));
}

/** The public key as SSH writes it, from its raw 32 bytes; in base64 it stands in `authorized_keys` and `allowed_signers`. */
export function sshPublicKey(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined(field(text(KEY_TYPE)), field(raw));
}

/** The signature with all that `ssh-keygen -Y verify` wants to know of it, from raw key (32 bytes) and signature (64). */
export function sshSignature(namespace: string, publicKey: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined(
    MAGIC,
    VERSION,
    field(sshPublicKey(publicKey)),
    field(text(namespace)),
    field(RESERVED),
    field(text(HASH)),
    field(joined(field(text(KEY_TYPE)), field(signature))),
  );
}

/** A `string` of the SSH wire (RFC 4251): its length in four bytes, the highest first, then itself. */
function field(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return joined(length, bytes);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function text(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(value);
}
