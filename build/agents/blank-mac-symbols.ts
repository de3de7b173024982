/**
 * Empties the local symbols of a Mac program, which only a debugger reads: their entries and names become empty, which costs
 * nothing in a download. Nothing moves and no table gets shorter, so that everything that points into them still fits;
 * what other programs or the loader look up, and the names of a crash report's exported functions, stay.
 */

const LC_SYMTAB = 0x2;
const LC_DYSYMTAB = 0xb;
const ENTRY = 16;
/** A local symbol without a name, whose value is the constant 0 (N_ABS): what a reader may expect in this place. */
const EMPTY_ENTRY = Buffer.from('00000000020000000000000000000000', 'hex');

/** Changes `file` in place. @throws Error when it is no thin 64-bit Mach-O file with the two symbol tables. */
export function blankMacSymbols(file: Buffer): void {
  if (file.length < 32 || file.readUInt32LE(0) !== 0xfeedfacf) throw new Error('this is not a thin 64-bit Mach-O file');
  const commands = new Map<number, number>();
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    commands.set(file.readUInt32LE(at), at);
    at += file.readUInt32LE(at + 4);
  }
  const symtab = commands.get(LC_SYMTAB);
  const dysymtab = commands.get(LC_DYSYMTAB);
  if (symtab === undefined || dysymtab === undefined) throw new Error('it has no symbol tables');
  const [symbolsAt, count, namesAt, namesSize] = words(file, symtab + 8, 4) as [number, number, number, number];
  const [firstLocal, locals] = words(file, dysymtab + 8, 2) as [number, number];
  if (firstLocal + locals > count) throw new Error('its symbol tables contradict each other');

  // Two symbols may share the letters of one name; those of a symbol that stays are put back.
  const names = Buffer.from(file.subarray(namesAt, namesAt + namesSize));
  const blanked = Buffer.alloc(namesSize);
  blanked[0] = names[0] ?? 0;
  for (let index = 0; index < count; index += 1) {
    if (index >= firstLocal && index < firstLocal + locals) continue;
    const start = file.readUInt32LE(symbolsAt + index * ENTRY);
    names.copy(blanked, start, start, names.indexOf(0, start));
  }
  blanked.copy(file, namesAt);
  file.fill(EMPTY_ENTRY, symbolsAt + firstLocal * ENTRY, symbolsAt + (firstLocal + locals) * ENTRY);
}

function words(from: Buffer, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from.readUInt32LE(at + index * 4));
}
