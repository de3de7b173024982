import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from '../run-tool.ts';

/** Files in PEM: an authority made for a test, and a certificate from it that may sign programs. */
export interface WindowsCertificate {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Makes them in `folder` with openssl. */
export async function makeWindowsCertificate(folder: string, name: string): Promise<WindowsCertificate> {
  const at = (file: string) => join(folder, file);
  const openssl = async (...args: string[]) => {
    const end = await runTool('openssl', args);
    if (end?.code !== 0) throw new Error(`openssl ${args[0]} failed: ${end?.output ?? 'it is not there'}`);
  };
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(
    ...['req', '-x509', ...ec, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=Test Authority'],
    ...['-days', '2', '-addext', 'keyUsage=critical,keyCertSign'],
  );
  await openssl('req', ...ec, '-keyout', at('code.key'), '-out', at('code.csr'), '-subj', `/O=Example/CN=${name}`);
  await writeFile(at('code.ext'), 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,codeSigning\n');
  await openssl(
    ...['x509', '-req', '-in', at('code.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'],
    ...['-days', '2', '-extfile', at('code.ext'), '-out', at('code.pem')],
  );
  return { authority: at('ca.pem'), certificate: at('code.pem'), key: at('code.key') };
}
