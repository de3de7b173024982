/**
 * CRC-32 (IEEE 802.3, as in gzip and zip), eight bytes at a time. Where Node runs, long pieces go to its zlib, which is five
 * times as fast; browsers, and short pieces everywhere, take the way in JavaScript. Both give the same.
 */

/** From this length on the call into zlib pays, in bytes. */
const NATIVE_FROM = 512;

type Checksum = (bytes: Uint8Array, previous?: number) => number;

interface HostProcess {
  getBuiltinModule?(name: string): { crc32?: Checksum } | undefined;
}

const native: Checksum | undefined = (globalThis as { process?: HostProcess }).process?.getBuiltinModule?.(
  'node:zlib',
)?.crc32;

const TABLES: readonly Uint32Array[] = makeTables();

function makeTables(): Uint32Array[] {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  const first = tables[0] as Uint32Array;
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    first[n] = c >>> 0;
  }
  for (let n = 0; n < 256; n++) {
    let c = first[n] as number;
    for (let k = 1; k < 8; k++) {
      c = (first[c & 0xff] as number) ^ (c >>> 8);
      (tables[k] as Uint32Array)[n] = c >>> 0;
    }
  }
  return tables;
}

const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

/** The checksum of `bytes`, continuing from `previous` (the checksum of what came before; 0 at the start). */
export function crc32(bytes: Uint8Array, previous = 0): number {
  if (native !== undefined && bytes.length >= NATIVE_FROM) return native(bytes, previous);
  return portableCrc32(bytes, previous);
}

/** The same in JavaScript alone. */
export function portableCrc32(bytes: Uint8Array, previous = 0): number {
  let c = ~previous >>> 0;
  let i = 0;
  const end8 = bytes.length - 7;
  // The casts say what the loop bounds guarantee: an index below the length is a number.
  for (; i < end8; i += 8) {
    c ^=
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    c =
      (T7[c & 0xff] as number) ^
      (T6[(c >>> 8) & 0xff] as number) ^
      (T5[(c >>> 16) & 0xff] as number) ^
      (T4[c >>> 24] as number) ^
      (T3[bytes[i + 4] as number] as number) ^
      (T2[bytes[i + 5] as number] as number) ^
      (T1[bytes[i + 6] as number] as number) ^
      (T0[bytes[i + 7] as number] as number);
  }
  for (; i < bytes.length; i++) c = (T0[(c ^ (bytes[i] as number)) & 0xff] as number) ^ (c >>> 8);
  return ~c >>> 0;
}
