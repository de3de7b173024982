import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from '../run-tool.ts';

/** Where Debian and its relatives, Fedora, and others put it. */
const MODULES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so', '/usr/lib64/libsofthsm2.so'];

/** A token behind PKCS#11 with a key inside that nobody can read out again. */
export interface SoftToken {
  readonly module: string;
  /** The key, as a URI of PKCS#11 (RFC 7512). */
  readonly key: string;
  /** File with the PIN. */
  readonly pinFile: string;
  /** For programs that shall see the token. */
  readonly env: { readonly SOFTHSM2_CONF: string };
}

/** Makes a token of SoftHSM in `folder` that holds `keyFile` (PEM, PKCS #8); null where there is no SoftHSM. */
export async function makeSoftToken(folder: string, keyFile: string): Promise<SoftToken | null> {
  const module = MODULES.find((path) => existsSync(path));
  if (module === undefined) return null;
  const tokens = join(folder, 'tokens');
  await mkdir(tokens);
  const config = join(folder, 'softhsm2.conf');
  await writeFile(config, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  const pinFile = join(folder, 'pin');
  await writeFile(pinFile, '4711', { mode: 0o600 });
  const softhsm = async (...args: string[]) => {
    const end = await runTool('env', [`SOFTHSM2_CONF=${config}`, 'softhsm2-util', ...args]);
    if (end?.code !== 0) throw new Error(`softhsm2-util ${args[0]} failed: ${end?.output}`);
  };
  await softhsm('--init-token', '--free', '--label', 'release', '--pin', '4711', '--so-pin', '12345678');
  await softhsm('--import', keyFile, '--token', 'release', '--label', 'code', '--id', 'a1', '--pin', '4711');
  return { module, key: 'pkcs11:token=release;object=code', pinFile, env: { SOFTHSM2_CONF: config } };
}
