/** A Mac executable of the least size: header, two segments, symbol tables; no program. */
export interface SmallMachO {
  readonly arm64?: boolean;
  readonly text: Buffer;
  /** Each a name, and whether other programs may see it. Local ones come first. */
  readonly symbols?: readonly { readonly name: string; readonly local: boolean }[];
}

const TEXT_AT = 4096;

/** Puts one together. `__LINKEDIT` holds the symbols and their names, and ends with the file. */
export function smallMachO({ arm64 = true, text, symbols = [] }: SmallMachO): Buffer {
  const locals = symbols.filter((each) => each.local);
  const ordered = [...locals, ...symbols.filter((each) => !each.local)];
  let names = Buffer.from([0x20, 0]);
  const entries = ordered.map(({ name, local }) => {
    const entry = Buffer.alloc(16);
    entry.writeUInt32LE(names.length, 0);
    entry[4] = local ? 0x0e : 0x0f;
    entry.writeBigUInt64LE(0x1234n, 8);
    names = Buffer.concat([names, Buffer.from(`${name}\0`)]);
    return entry;
  });
  const linkeditAt = TEXT_AT + Math.ceil(text.length / 4096) * 4096;
  const linkedit = Buffer.concat([...entries, names]);

  const segment = (name: string, at: number, size: number, sectionAt?: number) => {
    const command = Buffer.alloc(72 + (sectionAt === undefined ? 0 : 80));
    command.writeUInt32LE(0x19, 0);
    command.writeUInt32LE(command.length, 4);
    command.write(name, 8, 'latin1');
    command.writeBigUInt64LE(BigInt(at), 40);
    command.writeBigUInt64LE(BigInt(size), 48);
    if (sectionAt === undefined) return command;
    command.writeUInt32LE(1, 64);
    command.writeUInt32LE(sectionAt, 72 + 48);
    return command;
  };
  const symtab = Buffer.alloc(24);
  for (const [index, value] of [2, 24, linkeditAt, ordered.length, linkeditAt + ordered.length * 16].entries()) {
    symtab.writeUInt32LE(value, index * 4);
  }
  symtab.writeUInt32LE(names.length, 20);
  const dysymtab = Buffer.alloc(80);
  dysymtab.writeUInt32LE(0xb, 0);
  dysymtab.writeUInt32LE(80, 4);
  dysymtab.writeUInt32LE(locals.length, 12);
  const commands = [
    segment('__TEXT', 0, linkeditAt, TEXT_AT),
    segment('__LINKEDIT', linkeditAt, linkedit.length),
    symtab,
    dysymtab,
  ];
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0xfeedfacf, 0);
  header.writeUInt32LE(arm64 ? 0x0100000c : 0x01000007, 4);
  header.writeUInt32LE(2, 12);
  header.writeUInt32LE(commands.length, 16);
  header.writeUInt32LE(Buffer.concat(commands).length, 20);
  const file = Buffer.alloc(linkeditAt + linkedit.length);
  Buffer.concat([header, ...commands]).copy(file);
  text.copy(file, TEXT_AT);
  linkedit.copy(file, linkeditAt);
  return file;
}
