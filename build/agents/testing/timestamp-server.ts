import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { runTool } from '../run-tool.ts';

/** An authority of time (RFC 3161) on loopback. */
export interface TimestampServer {
  readonly url: string;
  /** Its own certificate, PEM: what a verifier has to trust. */
  readonly authority: string;
  /** How many times were given. */
  given(): number;
  close(): Promise<void>;
}

/** Starts one whose answers are made by openssl; its files lie in `folder`. */
export async function startTimestampServer(folder: string): Promise<TimestampServer> {
  const at = (file: string) => join(folder, file);
  const openssl = async (...args: string[]) => {
    const end = await runTool('openssl', args);
    if (end?.code !== 0) throw new Error(`openssl ${args[0]} failed: ${end?.output ?? 'it is not there'}`);
  };
  await openssl(
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', at('time.key'), '-out', at('time.pem')],
    ...['-subj', '/CN=Test Time Authority', '-days', '2', '-addext', 'keyUsage=critical,digitalSignature'],
    ...['-addext', 'extendedKeyUsage=critical,timeStamping'],
  );
  await writeFile(at('time.serial'), '01\n');
  await writeFile(
    at('time.cnf'),
    `[tsa]\ndefault_tsa = here\n[here]\nserial = ${at('time.serial')}\nsigner_cert = ${at('time.pem')}\n` +
      `signer_key = ${at('time.key')}\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n`,
  );
  let given = 0;
  const server = createServer(async (request, response) => {
    try {
      const name = randomUUID();
      await writeFile(at(`${name}.tsq`), await buffer(request));
      const files = ['-queryfile', at(`${name}.tsq`), '-out', at(`${name}.tsr`)];
      await openssl('ts', '-reply', '-config', at('time.cnf'), '-section', 'here', ...files);
      given += 1;
      response.setHeader('content-type', 'application/timestamp-reply').end(await readFile(at(`${name}.tsr`)));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    authority: at('time.pem'),
    given: () => given,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
