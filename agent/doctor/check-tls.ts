import { isIP } from 'node:net';
import { type PeerCertificate, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { CONNECT_DEADLINE_MS, type Transport } from '../connection/transport.ts';
import { openTunnel } from './open-tunnel.ts';

export interface TlsFacts {
  /** Null when the certificate is trusted; else the code of what is wrong. */
  readonly problem: string | null;
  readonly subject: string;
  readonly issuer: string;
  readonly validTo: string;
  readonly protocol: string;
}

/** Shakes hands with the coordinator and looks at its certificate, trusted or not. Nothing is sent over it. */
export async function inspectTls(transport: Transport): Promise<TlsFacts> {
  const socket = await openTunnel(transport);
  const host = transport.origin.hostname.replace(/^\[|\]$/g, '');
  const { secureContext } = transport.requestOptions();
  return await new Promise((resolve, reject) => {
    const secured: TLSSocket = tlsConnect({
      socket,
      host,
      ...(isIP(host) ? {} : { servername: host }),
      ...(secureContext ? { secureContext } : {}),
      // The point is to say what is wrong with a certificate that is not trusted.
      rejectUnauthorized: false,
    });
    secured.setTimeout(CONNECT_DEADLINE_MS, () =>
      secured.destroy(Object.assign(new Error('No answer in time.'), { code: 'ETIMEDOUT' })),
    );
    secured.once('error', reject);
    secured.once('secureConnect', () => {
      const certificate = secured.getPeerCertificate();
      resolve({
        problem: secured.authorized ? null : problemOf(secured),
        subject: nameOf(certificate.subject),
        issuer: nameOf(certificate.issuer),
        validTo: certificate.valid_to ?? '',
        protocol: secured.getProtocol() ?? '',
      });
      secured.destroy();
    });
  });
}

function problemOf(socket: TLSSocket): string {
  const error: unknown = socket.authorizationError;
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.message;
  return String(error ?? 'UNTRUSTED');
}

function nameOf(name: PeerCertificate['subject'] | undefined): string {
  const text = [name?.CN, name?.O].flat().filter((part) => part !== undefined && part !== '');
  return text.join(', ') || 'unknown';
}
