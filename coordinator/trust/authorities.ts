import { X509Certificate } from 'node:crypto';
import type { z } from 'zod';
import type { AuthoritySchema } from '../../protocol/api/trust.ts';
import { CaPemSchema } from '../../protocol/trust-fields.ts';
import { StartError } from '../start-error.ts';
import { isoTime } from '../store/stored-forms.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----/g;

/**
 * The certificates in the file of the setting `tls-ca`, each in the order and form in which they stand there, without the
 * texts that tools write between them. @throws StartError when there is none, or one that cannot be read.
 */
export function readAuthorities(text: string): string {
  const found = text.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw unusable('the file holds no certificate in PEM');
  for (const [index, pem] of found.entries()) {
    try {
      new X509Certificate(pem);
    } catch (cause) {
      throw unusable(`certificate ${index + 1} of the file is damaged`, cause);
    }
  }
  const pem = `${found.map((one) => one.replaceAll('\r', '')).join('\n')}\n`;
  if (!CaPemSchema.safeParse(pem).success) throw unusable('the file holds too many certificates');
  return pem;
}

/** Each certificate of {@link readAuthorities}, for people. */
export function describeAuthorities(pem: string): z.output<typeof AuthoritySchema>[] {
  return (pem.match(CERTIFICATE) ?? []).map((one) => {
    const { subject, fingerprint256, validFrom, validTo } = new X509Certificate(one);
    return {
      subject: (subject ?? '').replaceAll('\n', ', '),
      fingerprint: fingerprint256,
      notBefore: isoTime(Date.parse(validFrom)),
      notAfter: isoTime(Date.parse(validTo)),
    };
  });
}

/**
 * Whether a chain of certificates leads to one of these authorities: else agents that take them would not take the
 * coordinator's certificate.
 */
export function leadsToAuthority(chain: string, authorities: string): boolean {
  const [links, roots] = [chain, authorities].map((pem) =>
    (pem.match(CERTIFICATE) ?? []).map((one) => new X509Certificate(one)),
  ) as [X509Certificate[], X509Certificate[]];
  return links.some((link) =>
    roots.some(
      (root) => root.fingerprint256 === link.fingerprint256 || (link.checkIssued(root) && link.verify(root.publicKey)),
    ),
  );
}

function unusable(why: string, cause?: unknown): StartError {
  return new StartError('settings', `--tls-ca: ${why}.`, cause);
}
