import { z } from 'zod';

/** The forms in which keys, signatures and certificates travel. */

/** A raw Ed25519 or X25519 public key: 32 bytes, base64url without padding. */
export const PublicKeySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'This must be a 32-byte key in base64url.');

/** An Ed25519 signature: 64 bytes, base64url without padding. */
export const SignatureSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{86}$/, 'This must be a 64-byte signature in base64url.');

/** Certificates in PEM and nothing else but line ends. */
export const CaPemSchema = z
  .string()
  .max(200_000)
  .regex(
    /^\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*)+$/,
    'must be certificates in PEM, from BEGIN CERTIFICATE to END CERTIFICATE.',
  );
