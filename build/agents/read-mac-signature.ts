import { createHash } from 'node:crypto';

/**
 * Reads and checks the code signature inside a Mac executable, Apple's as well as ours. Shares nothing with `sign-mac.ts`:
 * what one of them misunderstands, the other must not repeat.
 */
export interface MacSignature {
  readonly identifier: string;
  /** `null` of an ad-hoc signature, and of one that names no team. */
  readonly team: string | null;
  readonly adHoc: boolean;
  /** Hardened runtime; Apple wants it of what it notarises. */
  readonly hardened: boolean;
  readonly pages: number;
  /** What the signer signed: the content that the CMS signature belongs to. */
  readonly codeDirectory: Buffer;
  /** DER; empty of an ad-hoc signature. */
  readonly cms: Buffer;
}

const COMMAND_SEGMENT = 0x19;
const COMMAND_SIGNATURE = 0x1d;
const SLOT_CODE_DIRECTORY = 0;
const SLOT_CMS = 0x10000;
/** Info.plist and a resource folder lie outside of a single executable. */
const SLOTS_OUTSIDE = new Set([1, 3]);
const FLAG_AD_HOC = 0x2;
const FLAG_HARDENED = 0x10000;
/** The form of a CodeDirectory that knows a team, and the hash that everyone uses. */
const VERSION_WITH_TEAM = 0x20200;
const HASH_SHA256 = 2;

/**
 * The signature of an executable, after every page and every part that it covers was hashed again.
 * @throws Error that says what does not fit.
 */
export function readMacSignature(file: Buffer): MacSignature {
  const { offset, size, linkeditEnd } = findSignature(file);
  if (offset + size !== file.length) throw new Error('something lies behind the signature');
  if (linkeditEnd !== file.length) throw new Error('the last segment does not end with the file');
  const blobs = readBlobs(file.subarray(offset, offset + size));
  const directory = blobs.get(SLOT_CODE_DIRECTORY);
  if (!directory) throw new Error('the signature has no code directory');

  const version = directory.readUInt32BE(8);
  const flags = directory.readUInt32BE(12);
  const hashesAt = directory.readUInt32BE(16);
  const slots = directory.readUInt32BE(24);
  const pages = directory.readUInt32BE(28);
  const limit = directory.readUInt32BE(32);
  const [hashSize = 0, hashType = 0, , pageBits = 0] = directory.subarray(36, 40);
  if (hashType !== HASH_SHA256 || hashSize !== 32) throw new Error(`its hashes are of type ${hashType}`);
  if (limit !== offset) throw new Error(`it covers ${limit} bytes of the ${offset} before it`);
  const pageSize = 2 ** pageBits;
  if (pages !== Math.ceil(limit / pageSize)) throw new Error(`it has ${pages} pages for ${limit} bytes`);
  for (let page = 0; page < pages; page += 1) {
    const content = file.subarray(page * pageSize, Math.min((page + 1) * pageSize, limit));
    const expected = directory.subarray(hashesAt + page * hashSize, hashesAt + (page + 1) * hashSize);
    if (!sha256(content).equals(expected)) throw new Error(`page ${page} of ${pages} has another hash`);
  }
  for (let slot = 1; slot <= slots; slot += 1) {
    const expected = directory.subarray(hashesAt - slot * hashSize, hashesAt - (slot - 1) * hashSize);
    const blob = blobs.get(slot);
    const empty = expected.every((byte) => byte === 0);
    if (blob ? !sha256(blob).equals(expected) : !empty && !SLOTS_OUTSIDE.has(slot)) {
      throw new Error(`part ${slot} of the signature has another hash`);
    }
  }
  const teamAt = version >= VERSION_WITH_TEAM ? directory.readUInt32BE(48) : 0;
  return {
    identifier: textAt(directory, directory.readUInt32BE(20)),
    team: teamAt === 0 ? null : textAt(directory, teamAt),
    adHoc: (flags & FLAG_AD_HOC) !== 0,
    hardened: (flags & FLAG_HARDENED) !== 0,
    pages,
    codeDirectory: directory,
    cms: blobs.get(SLOT_CMS)?.subarray(8) ?? Buffer.alloc(0),
  };
}

function findSignature(file: Buffer): { offset: number; size: number; linkeditEnd: number } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 32 || view.getUint32(0, true) !== 0xfeedfacf) throw new Error('this is no 64-bit Mach-O file');
  let position = 32;
  let found: { offset: number; size: number } | undefined;
  let linkeditEnd = 0;
  for (let left = view.getUint32(16, true); left > 0; left -= 1) {
    const command = view.getUint32(position, true);
    if (command === COMMAND_SIGNATURE) {
      if (found) throw new Error('there are two signatures');
      found = { offset: view.getUint32(position + 8, true), size: view.getUint32(position + 12, true) };
    }
    if (command === COMMAND_SEGMENT && textAt(file, position + 8) === '__LINKEDIT') {
      linkeditEnd = Number(view.getBigUint64(position + 40, true) + view.getBigUint64(position + 48, true));
    }
    position += view.getUint32(position + 4, true);
  }
  if (position !== 32 + view.getUint32(20, true)) throw new Error('the load commands do not add up');
  if (!found) throw new Error('there is no signature');
  return { ...found, linkeditEnd };
}

/** The parts of the signature, by slot; each with its own header, as their hashes cover it. */
function readBlobs(signature: Buffer): Map<number, Buffer> {
  if (signature.readUInt32BE(0) !== 0xfade0cc0) throw new Error('the signature begins with another magic number');
  const blobs = new Map<number, Buffer>();
  for (let index = 0; index < signature.readUInt32BE(8); index += 1) {
    const at = signature.readUInt32BE(12 + index * 8 + 4);
    blobs.set(signature.readUInt32BE(12 + index * 8), signature.subarray(at, at + signature.readUInt32BE(at + 4)));
  }
  return blobs;
}

function textAt(from: Buffer, at: number): string {
  return from.toString('utf8', at, from.indexOf(0, at));
}

function sha256(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest();
}
