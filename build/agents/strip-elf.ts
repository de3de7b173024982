/**
 * Takes out of a Linux program what only a debugger reads: its symbol table and debug sections, a seventh of Node. They lie
 * behind everything that is loaded, so nothing moves. Done here and not by `strip`, because then every machine that builds
 * gives the same bytes. The names that a crash report is made of stay: they are in the dynamic symbols.
 */

const SECTION_HEADER = 64;
const SHF_ALLOC = 0x2;
const SHT_NULL = 0;
const SHT_NOBITS = 8;
const PT_LOAD = 1;

/** @throws Error when the file is not as Node's are: 64-bit, little-endian, with everything that is loaded first. */
export function stripElf(file: Buffer): Buffer<ArrayBuffer> {
  if (file.length < 64 || file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) {
    throw new Error('this is not a 64-bit little-endian ELF file');
  }
  const sectionsAt = Number(file.readBigUInt64LE(0x28));
  const sectionCount = file.readUInt16LE(0x3c);
  const namesIndex = file.readUInt16LE(0x3e);
  const header = (index: number) => {
    const at = sectionsAt + index * SECTION_HEADER;
    return file.subarray(at, at + SECTION_HEADER);
  };
  const kept: Buffer[] = [];
  for (let index = 0; index < sectionCount; index += 1) {
    const section = header(index);
    const type = section.readUInt32LE(4);
    const loaded = (section.readBigUInt64LE(8) & BigInt(SHF_ALLOC)) !== 0n;
    if (type !== SHT_NULL && !loaded) continue;
    // Sections name each other by number, and numbers must not change.
    if (index !== kept.length) throw new Error(`section ${index} is loaded, and one before it is not`);
    kept.push(Buffer.from(section));
  }
  const loadedEnd = Math.max(endOfSegments(file), ...kept.map(endOfSection));
  const names = header(namesIndex);
  const namesAt = Number(names.readBigUInt64LE(0x18));
  const namesSize = Number(names.readBigUInt64LE(0x20));
  if (namesAt < loadedEnd) throw new Error('the names of the sections lie among what is loaded');
  for (const section of kept) {
    if (section.readUInt32LE(0x28) >= kept.length) throw new Error('a section that is loaded needs one that is not');
  }

  const newSectionsAt = Math.ceil((loadedEnd + namesSize) / 8) * 8;
  const stripped = Buffer.alloc(newSectionsAt + (kept.length + 1) * SECTION_HEADER);
  file.copy(stripped, 0, 0, loadedEnd);
  file.copy(stripped, loadedEnd, namesAt, namesAt + namesSize);
  const newNames = Buffer.from(names);
  newNames.writeBigUInt64LE(BigInt(loadedEnd), 0x18);
  for (const [index, section] of [...kept, newNames].entries()) {
    section.copy(stripped, newSectionsAt + index * SECTION_HEADER);
  }
  stripped.writeBigUInt64LE(BigInt(newSectionsAt), 0x28);
  stripped.writeUInt16LE(kept.length + 1, 0x3c);
  stripped.writeUInt16LE(kept.length, 0x3e);
  return stripped;
}

function endOfSegments(file: Buffer): number {
  const at = Number(file.readBigUInt64LE(0x20));
  const size = file.readUInt16LE(0x36);
  let end = 0;
  for (let index = 0; index < file.readUInt16LE(0x38); index += 1) {
    const segment = at + index * size;
    if (file.readUInt32LE(segment) !== PT_LOAD) continue;
    end = Math.max(end, Number(file.readBigUInt64LE(segment + 8) + file.readBigUInt64LE(segment + 32)));
  }
  return end;
}

function endOfSection(section: Buffer): number {
  if (section.readUInt32LE(4) === SHT_NOBITS) return 0;
  return Number(section.readBigUInt64LE(0x18) + section.readBigUInt64LE(0x20));
}
