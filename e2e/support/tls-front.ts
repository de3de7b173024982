import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { createServer } from 'node:tls';
import type { Certificate } from './certificate.ts';

/** What stands before a coordinator and ends TLS: its certificate can be exchanged while it runs, as administrators do. */
export interface TlsFront {
  readonly url: string;
  /** New connections get this one; those that stand are cut, or they would not notice for hours. */
  exchange(certificate: Certificate): void;
  close(): Promise<void>;
}

/** Starts one on loopback that passes everything on to `target` (`http://127.0.0.1:port`). */
export async function startTlsFront(target: () => string, certificate: Certificate): Promise<TlsFront> {
  const files = ({ cert, key }: Certificate) => ({ cert: readFileSync(cert), key: readFileSync(key) });
  const open = new Set<{ destroy(): void }>();
  const server = createServer(files(certificate), (socket) => {
    const { hostname, port } = new URL(target());
    const behind = connect(Number(port), hostname);
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  // A client that does not take the certificate says so by an alert: it is told in the test by the agent's own log.
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchange(next) {
      server.setSecureContext(files(next));
      cut();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
