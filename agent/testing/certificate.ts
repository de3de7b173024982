import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate for a name, made by an authority that no host knows. All in PEM. */
export async function privateCertificate(
  name: string,
): Promise<{ ca: string; cert: string; key: string; caPath: string }> {
  const folder = await temporaryFolder();
  const at = (file: string) => join(folder, file);
  const authority = ['-subj', '/CN=Private authority/O=Test', '-keyout', at('ca.key'), '-out', at('ca.pem')];
  await run('openssl', ['req', '-x509', '-days', '2', ...CURVE, ...authority]);
  const request = [
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=DNS:${name}`,
    '-keyout',
    at('key.pem'),
    '-out',
    at('csr.pem'),
  ];
  await run('openssl', ['req', ...CURVE, ...request]);
  const signing = [
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-copy_extensions',
    'copy',
  ];
  await run('openssl', ['x509', '-req', '-in', at('csr.pem'), '-out', at('cert.pem'), ...signing]);
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFile(at(file), 'utf8')),
  );
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '', caPath: at('ca.pem') };
}
