import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT_TARGET_TABLE } from '../../protocol/release.ts';
import type { BaseRuntime } from './base-runtime.ts';
import { BuildError } from './build-error.ts';
import { readMacSignature } from './read-mac-signature.ts';
import { runTool } from './run-tool.ts';
import { readAuthenticode } from './sign-windows.ts';

/** Who signs Node: the packages come from people who put Node's own binaries on npm, and have no part in its signatures. */
const NODE_TEAM = 'HX7739G8FX';
const NODE_ON_WINDOWS = '/O=OpenJS Foundation/';
/** SHA-256 of "Apple Root CA". */
const APPLE_ROOT = 'B0:B1:73:0E:CB:C7:FF:45:05:14:2C:49:F1:29:5E:6E:DA:6B:CA:ED:7E:2C:68:C5:BE:91:B5:A1:10:01:F0:24';

/**
 * Checks the signature that Node's makers put on a runtime, and answers with one line that says how far it was checked.
 * Which bytes they are is settled before, by the list of hashes; this says that those are Node's.
 * @throws BuildError when it carries a signature that does not fit.
 */
export async function checkBaseSignature(base: BaseRuntime): Promise<string> {
  const { platform } = AGENT_TARGET_TABLE[base.target];
  if (platform === 'darwin') return checkApple(base);
  if (platform === 'win32') return checkAuthenticode(base);
  return 'its runtime carries no signature (Node signs none for Linux); the hash is the one in the list';
}

async function checkApple({ target, path }: BaseRuntime): Promise<string> {
  try {
    const signature = readMacSignature(await readFile(path));
    if (signature.team !== NODE_TEAM) throw new Error(`it is signed by team ${signature.team}`);
    const chain = await checkCms(signature.cms, signature.codeDirectory);
    return `runtime signed by Node's team ${signature.team}, ${signature.pages} pages intact, ${chain}`;
  } catch (error) {
    if (error instanceof BuildError) throw error;
    throw new BuildError(`${target}: the signature of its runtime does not fit: ${String(error)}`);
  }
}

/** The signer's word over the list of pages, up to Apple's root, which is known by its hash. */
async function checkCms(cms: Buffer, content: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'outrunner-cms-'));
  const [cmsFile, contentFile, rootFile] = ['cms', 'content', 'root'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  try {
    await writeFile(cmsFile, cms);
    await writeFile(contentFile, content);
    const listed = await runTool('openssl', ['pkcs7', '-inform', 'DER', '-in', cmsFile, '-print_certs']);
    if (!listed) return 'signer not checked (openssl is not there)';
    const certificates = listed.output.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const root = certificates.find((pem) => new X509Certificate(pem).fingerprint256 === APPLE_ROOT);
    if (root === undefined) throw new Error("it does not lead to Apple's root");
    await writeFile(rootFile, root);
    // The certificate may have run out since; Apple's own check then relies on the timestamp, which is not looked at here.
    // Apple marks extensions of its own as critical, which openssl does not know.
    const checks = ['-CAfile', rootFile, '-no-CApath', '-purpose', 'any', '-no_check_time', '-ignore_critical'];
    const verify = ['cms', '-verify', '-inform', 'DER', '-in', cmsFile, '-content', contentFile, '-binary'];
    const end = await runTool('openssl', [...verify, ...checks, '-out', join(folder, 'out')]);
    if (end?.code !== 0) throw new Error(`openssl refuses its signer: ${end?.output.trim()}`);
    return "signer verified up to Apple's root";
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkAuthenticode({ target, path }: BaseRuntime): Promise<string> {
  const found = await readAuthenticode(path);
  if (!found)
    return 'signature of its runtime not checked (osslsigncode is not there); the hash is the one in the list';
  if (!found.intact) throw new BuildError(`${target}: the signature of its runtime does not fit its content.`);
  if (!`${found.signer}/`.includes(NODE_ON_WINDOWS)) {
    throw new BuildError(`${target}: its runtime is signed by ${found.signer}.`);
  }
  return 'runtime signed by the OpenJS Foundation, content intact (chain to Microsoft not checked)';
}
