import { createHash, randomBytes } from 'node:crypto';

/** Kinds of secrets, told apart by their beginning: so that a leaked one can be recognised, also by scanners. */
export const SECRET_PREFIX = { token: 'ort_', session: 'ors_', ticket: 'ork_' } as const;

/** A fresh secret of 256 random bits. */
export function newSecret(kind: keyof typeof SECRET_PREFIX): string {
  return SECRET_PREFIX[kind] + randomBytes(32).toString('base64url');
}

/** The form in which a secret is kept and looked up. Of 256 random bits a plain hash gives nothing away. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
