import { X509Certificate } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import type { PlatformSignature } from '../../protocol/release.ts';
import { BuildError } from './build-error.ts';
import { runTool } from './run-tool.ts';

/** With what Windows executables are signed. */
export interface WindowsSigning {
  /** PEM: the certificate of the signer, then those of the authorities above it. */
  readonly certificates: string;
  /** Where the key is: a file, or a token behind PKCS#11. */
  readonly key: { readonly file: string } | { readonly module: string; readonly id: string; readonly engine?: string };
  /** File with the password or PIN of the key. */
  readonly passwordFile?: string;
  /** Address of a timestamp server (RFC 3161): with its word the signature outlives the certificate. */
  readonly timestamp?: string;
}

/**
 * What the settings say; undefined when they say nothing, and then executables stay unsigned.
 * @throws BuildError when one is missing that others need.
 */
export function windowsSigning(env: NodeJS.ProcessEnv = process.env): WindowsSigning | undefined {
  const certificates = env.OUTRUNNER_WINDOWS_CERT;
  const file = env.OUTRUNNER_WINDOWS_KEY;
  const module = env.OUTRUNNER_WINDOWS_PKCS11_MODULE;
  const id = env.OUTRUNNER_WINDOWS_PKCS11_KEY;
  if (!certificates && !file && !module) return undefined;
  if (!certificates) throw new BuildError('OUTRUNNER_WINDOWS_CERT is missing: the certificate chain that signs, PEM.');
  if (module ? !id : !file) {
    throw new BuildError(
      'OUTRUNNER_WINDOWS_CERT needs a key: OUTRUNNER_WINDOWS_KEY, a file, or OUTRUNNER_WINDOWS_PKCS11_MODULE and ' +
        'OUTRUNNER_WINDOWS_PKCS11_KEY.',
    );
  }
  const engine = env.OUTRUNNER_WINDOWS_PKCS11_ENGINE;
  return {
    certificates,
    key: module ? { module, id: id ?? '', ...(engine ? { engine } : {}) } : { file: file ?? '' },
    ...(env.OUTRUNNER_WINDOWS_KEY_PASSWORD_FILE ? { passwordFile: env.OUTRUNNER_WINDOWS_KEY_PASSWORD_FILE } : {}),
    ...(env.OUTRUNNER_WINDOWS_TIMESTAMP ? { timestamp: env.OUTRUNNER_WINDOWS_TIMESTAMP } : {}),
  };
}

/**
 * Signs the executable at `path` in place (Authenticode), and checks that it is signed.
 * @throws BuildError with what osslsigncode said when it fails, or when it is not there.
 */
export async function signWindowsExecutable(path: string, signing: WindowsSigning): Promise<PlatformSignature> {
  const signature = await describeSigner(signing.certificates);
  const signed = `${path}.signed`;
  try {
    await osslsigncode(['sign', ...signingArguments(signing), '-in', path, '-out', signed]);
    const found = await readAuthenticode(signed);
    if (!found?.intact) throw new BuildError('osslsigncode signed, yet the signature does not fit the executable.');
    await rename(signed, path);
  } finally {
    await rm(signed, { force: true });
  }
  return signature;
}

/** Whom the certificate names. One that vouches for itself alone is nobody's but the developer's. */
export async function describeSigner(certificates: string): Promise<PlatformSignature> {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(await readFile(certificates));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BuildError(`The certificate for Windows cannot be read from ${certificates}: ${reason}`);
  }
  const selfSigned = certificate.issuer === certificate.subject;
  const name = /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? certificate.subject.replaceAll('\n', ', ');
  return { kind: selfSigned ? 'development' : 'signed', signer: name.slice(0, 200) };
}

/** What osslsigncode reads from a signed executable; undefined when there is no osslsigncode. */
export async function readAuthenticode(
  path: string,
): Promise<{ readonly intact: boolean; readonly signer: string | undefined } | undefined> {
  const end = await runTool('osslsigncode', ['verify', '-in', path]);
  if (!end) return undefined;
  const stored = /^Current message digest\s*: (\w+)/m.exec(end.output)?.[1];
  const calculated = /^Calculated message digest\s*: (\w+)/m.exec(end.output)?.[1];
  const signer = /Signer #0:\s+Subject\s*: (.*)/.exec(end.output)?.[1];
  return { intact: stored !== undefined && stored === calculated, signer };
}

function signingArguments({ certificates, key, passwordFile, timestamp }: WindowsSigning): string[] {
  return [
    '-certs',
    certificates,
    ...('file' in key
      ? ['-key', key.file]
      : [...(key.engine ? ['-pkcs11engine', key.engine] : []), '-pkcs11module', key.module, '-key', key.id]),
    ...(passwordFile ? ['-readpass', passwordFile] : []),
    '-h',
    'sha256',
    '-n',
    'Outrunner Runner agent',
    ...(timestamp ? ['-ts', timestamp] : []),
  ];
}

async function osslsigncode(args: readonly string[]): Promise<void> {
  const end = await runTool('osslsigncode', args);
  if (!end) throw new BuildError('Signing for Windows needs osslsigncode, which is not there (Debian: osslsigncode).');
  if (end.code !== 0) throw new BuildError(`osslsigncode failed (exit ${end.code}):\n${end.output.trim()}`);
}
