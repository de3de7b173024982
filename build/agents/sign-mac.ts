import { createHash } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';

/**
 * Ad-hoc signature of a Mac executable: the hash of every page, and no signer. Apple silicon starts nothing without one. It
 * vouches for nothing; `sign-on-a-mac.sh` replaces it by one with a name. Only for thin 64-bit files, as the runtimes are.
 */

const MAGIC_64 = 0xfeedfacf;
const HEADER_SIZE = 32;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const CPU_ARM64 = 0x0100000c;
const PAGE = 4096;
const HASH = 32;

/** Blobs of a signature are big-endian: a magic number, their length, their content. */
const EMBEDDED_SIGNATURE = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const CODE_DIRECTORY_HEADER = 88;
const CODE_DIRECTORY_VERSION = 0x20400;
const AD_HOC = 0x2;
const SHA256 = 2;
const EXECUTABLE_IS_MAIN = 1n;
const SLOT = { codeDirectory: 0, requirements: 2, cms: 0x10000 } as const;
/** No requirements, no signer. */
const REQUIREMENTS = Buffer.from('fade0c010000000c00000000', 'hex');
const CMS = Buffer.from('fade0b0100000008', 'hex');

interface Segment {
  /** Where its load command is. */
  readonly at: number;
  readonly offset: number;
  readonly size: number;
}

interface Layout {
  readonly arm64: boolean;
  readonly commands: number;
  readonly commandsEnd: number;
  /** Where the content begins: no load command may reach beyond it. */
  readonly firstSection: number;
  readonly text: Segment;
  readonly linkedit: Segment;
  readonly signature: { readonly at: number; readonly offset: number; readonly size: number } | undefined;
}

/** Signs the executable at `path` in place. Equal content gives an equal signature. @throws Error when its form is another. */
export async function signMacExecutable(path: string, identifier: string): Promise<void> {
  await writeFile(path, signAdHoc(await readFile(path), identifier));
  await chmod(path, 0o755);
}

/**
 * The executable with an ad-hoc signature; one that it has is replaced.
 * @throws Error when it is no thin 64-bit Mach-O, or something lies behind what is to be signed.
 */
export function signAdHoc(executable: Buffer, identifier: string): Buffer {
  const layout = layoutOf(executable);
  const { signature, linkedit, text } = layout;
  if (linkedit.offset + linkedit.size !== executable.length) throw new Error('__LINKEDIT is not at the end');
  if (signature && signature.offset + signature.size !== executable.length) {
    throw new Error('the signature is not at the end');
  }
  const body = signature ? executable.subarray(0, signature.offset) : executable;
  const codeLimit = alignUp(body.length, 16);
  const pages = Math.ceil(codeLimit / PAGE);
  const name = Buffer.from(`${identifier}\0`);
  const hashesAt = CODE_DIRECTORY_HEADER + name.length + SLOT.requirements * HASH;
  const directorySize = hashesAt + pages * HASH;
  const indexSize = 12 + 3 * 8;
  const blobSize = indexSize + directorySize + REQUIREMENTS.length + CMS.length;
  const signed = Buffer.alloc(codeLimit + alignUp(blobSize, 16));
  body.copy(signed);
  writeLoadCommands(signed, layout, codeLimit);

  const blob = signed.subarray(codeLimit);
  writeWords(blob, 0, [EMBEDDED_SIGNATURE, blobSize, 3]);
  writeWords(blob, 12, [SLOT.codeDirectory, indexSize]);
  writeWords(blob, 20, [SLOT.requirements, indexSize + directorySize]);
  writeWords(blob, 28, [SLOT.cms, indexSize + directorySize + REQUIREMENTS.length]);
  REQUIREMENTS.copy(blob, indexSize + directorySize);
  CMS.copy(blob, indexSize + directorySize + REQUIREMENTS.length);

  const directory = blob.subarray(indexSize, indexSize + directorySize);
  writeWords(directory, 0, [
    CODE_DIRECTORY,
    directorySize,
    CODE_DIRECTORY_VERSION,
    AD_HOC,
    hashesAt,
    CODE_DIRECTORY_HEADER,
    SLOT.requirements,
    pages,
    codeLimit,
  ]);
  directory.set([HASH, SHA256, 0, Math.log2(PAGE)], 36);
  directory.writeBigUInt64BE(BigInt(text.offset), 64);
  directory.writeBigUInt64BE(BigInt(text.size), 72);
  directory.writeBigUInt64BE(EXECUTABLE_IS_MAIN, 80);
  name.copy(directory, CODE_DIRECTORY_HEADER);
  // Special slots are counted backwards from the pages: requirements are the second, the first (Info.plist) is empty.
  sha256(REQUIREMENTS).copy(directory, hashesAt - SLOT.requirements * HASH);
  for (let page = 0; page < pages; page += 1) {
    const content = signed.subarray(page * PAGE, Math.min((page + 1) * PAGE, codeLimit));
    sha256(content).copy(directory, hashesAt + page * HASH);
  }
  return signed;
}

/**
 * What of a signed executable no signature is part of. Equal for two that differ in nothing but who signed them.
 * @throws Error when it has no signature.
 */
export function unsignedContent(executable: Buffer): Buffer {
  const { signature, linkedit } = layoutOf(executable);
  if (!signature) throw new Error('there is no signature');
  const body = Buffer.from(executable.subarray(0, signature.offset));
  body.fill(0, signature.at + 8, signature.at + 16);
  body.fill(0, linkedit.at + 32, linkedit.at + 40);
  body.fill(0, linkedit.at + 48, linkedit.at + 56);
  return body;
}

/** Points at the signature, and makes the last segment reach to the end of it. Before the hashes: they cover this. */
function writeLoadCommands(signed: Buffer, layout: Layout, codeLimit: number): void {
  const { linkedit, signature, commandsEnd, commands, firstSection, arm64 } = layout;
  const at = signature?.at ?? commandsEnd;
  if (!signature) {
    const size = 16;
    if (commandsEnd + size > firstSection) throw new Error('there is no room for another load command');
    signed.writeUInt32LE(LC_CODE_SIGNATURE, at);
    signed.writeUInt32LE(size, at + 4);
    signed.writeUInt32LE(commands + 1, 16);
    signed.writeUInt32LE(commandsEnd - HEADER_SIZE + size, 20);
  }
  signed.writeUInt32LE(codeLimit, at + 8);
  signed.writeUInt32LE(signed.length - codeLimit, at + 12);
  const fileSize = signed.length - linkedit.offset;
  signed.writeBigUInt64LE(BigInt(alignUp(fileSize, arm64 ? 0x4000 : 0x1000)), linkedit.at + 32);
  signed.writeBigUInt64LE(BigInt(fileSize), linkedit.at + 48);
}

function layoutOf(executable: Buffer): Layout {
  if (executable.length < HEADER_SIZE || executable.readUInt32LE(0) !== MAGIC_64) {
    throw new Error('this is not a thin 64-bit Mach-O file');
  }
  const commands = executable.readUInt32LE(16);
  const commandsEnd = HEADER_SIZE + executable.readUInt32LE(20);
  const segments = new Map<string, Segment>();
  let signature: Layout['signature'];
  let firstSection = Number.POSITIVE_INFINITY;
  let at = HEADER_SIZE;
  for (let index = 0; index < commands; index += 1) {
    const command = executable.readUInt32LE(at);
    if (command === LC_SEGMENT_64) {
      const segmentName = executable.toString('latin1', at + 8, at + 24).replace(/\0.*$/s, '');
      const offset = Number(executable.readBigUInt64LE(at + 40));
      segments.set(segmentName, { at, offset, size: Number(executable.readBigUInt64LE(at + 48)) });
      const sections = executable.readUInt32LE(at + 64);
      for (let section = 0; section < sections; section += 1) {
        const contentAt = executable.readUInt32LE(at + 72 + section * 80 + 48);
        if (contentAt !== 0) firstSection = Math.min(firstSection, contentAt);
      }
    }
    if (command === LC_CODE_SIGNATURE) {
      signature = { at, offset: executable.readUInt32LE(at + 8), size: executable.readUInt32LE(at + 12) };
    }
    at += executable.readUInt32LE(at + 4);
  }
  const text = segments.get('__TEXT');
  const linkedit = segments.get('__LINKEDIT');
  if (at !== commandsEnd || !text || !linkedit) throw new Error('the load commands are not as expected');
  const arm64 = executable.readUInt32LE(4) === CPU_ARM64;
  return { arm64, commands, commandsEnd, firstSection, text, linkedit, signature };
}

function writeWords(into: Buffer, at: number, words: readonly number[]): void {
  for (const [index, word] of words.entries()) into.writeUInt32BE(word, at + index * 4);
}

function alignUp(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}

function sha256(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest();
}
