import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE, type PlatformSignature } from '../../protocol/release.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import { BUILD_STATE } from '../paths.ts';
import type { BaseRuntime } from './base-runtime.ts';
import { blankMacSymbols } from './blank-mac-symbols.ts';
import { BuildError } from './build-error.ts';
import { correctChecksum, describeWindowsRuntime } from './describe-windows.ts';
import { type MacSignature, readMacSignature } from './read-mac-signature.ts';
import { signMacExecutable, unsignedContent } from './sign-mac.ts';
import { signWindowsExecutable, windowsSigning } from './sign-windows.ts';
import { stripElf } from './strip-elf.ts';

/** Raised when what this file does to an executable changes, so that those made before are made again. */
const FORM = 1;

/**
 * What is done before packing: Linux and macOS lose what only a debugger reads; Windows gets our name, and loses a signature
 * that no longer fits. The prepared copy is gone afterwards.
 */
export async function withPreparedRuntime<T>(base: BaseRuntime, use: (path: string) => Promise<T>): Promise<T> {
  const { platform, executable } = AGENT_TARGET_TABLE[base.target];
  await mkdir(BUILD_STATE, { recursive: true });
  const folder = await mkdtemp(join(BUILD_STATE, 'runtime-'));
  try {
    const path = join(folder, executable);
    let content = await readFile(base.path);
    if (platform === 'linux') content = stripElf(content);
    if (platform === 'darwin') blankMacSymbols(content);
    if (platform === 'win32') {
      const description = { fileName: executable, productVersion: PRODUCT_VERSION, nodeVersion: base.version };
      content = describeWindowsRuntime(content, description);
    }
    await writeFile(path, content, { mode: 0o755 });
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is done after packing: the signature that the platform looks at. Nothing may change the executable after this. */
export async function signForPlatform(target: PlatformTarget, path: string): Promise<PlatformSignature> {
  const { platform } = AGENT_TARGET_TABLE[target];
  if (platform === 'darwin') {
    await signMacExecutable(path, 'outrunner-agent');
    return { kind: 'ad-hoc', signer: null };
  }
  if (platform === 'win32') {
    const signing = windowsSigning();
    if (signing) return signWindowsExecutable(path, signing);
    await correctChecksum(path);
  }
  return { kind: 'none', signer: null };
}

/**
 * Compares what came back from a Mac with what was sent there, and answers with its signature.
 * @throws BuildError when anything but the signature differs, or when that is none that Apple could notarise.
 */
export function signedOnAMac(sent: Buffer, returned: Buffer): PlatformSignature {
  let signature: MacSignature;
  let same: boolean;
  try {
    signature = readMacSignature(returned);
    same = unsignedContent(returned).equals(unsignedContent(sent));
  } catch (error) {
    throw new BuildError(`What came back has no signature that fits: ${String(error)}`);
  }
  if (!same) throw new BuildError('What came back is not the executable that was built here with another signature.');
  if (signature.adHoc || signature.team === null || !signature.hardened) {
    throw new BuildError('What came back is not signed with a Developer ID and the hardened runtime.');
  }
  return { kind: 'signed', signer: `Apple team ${signature.team}` };
}

/** Everything besides runtime and bundle that makes a difference to the finished executable; for the cache key. */
export async function finishingInputs(target: PlatformTarget): Promise<string> {
  const windows = AGENT_TARGET_TABLE[target].platform === 'win32';
  const signing = windows ? windowsSigning() : undefined;
  const certificates = signing ? hashOf(await readFile(signing.certificates).catch(() => Buffer.alloc(0))) : '';
  return JSON.stringify([FORM, windows ? PRODUCT_VERSION : '', signing ?? null, certificates]);
}

/** One line for people. */
export function describeSignature({ kind, signer }: PlatformSignature): string {
  const words: Record<PlatformSignature['kind'], string> = {
    none: 'no signature of the platform',
    'ad-hoc': 'signed ad hoc: a Mac starts it, and sees no signer',
    development: `signed with a development certificate (${signer})`,
    signed: `signed by ${signer}`,
  };
  return words[kind];
}

function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
