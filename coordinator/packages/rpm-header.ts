/** Value of a tag, by the type that rpm stores it as. */
export type RpmValue =
  | { readonly type: 'int16' | 'int32'; readonly values: readonly number[] }
  | { readonly type: 'string'; readonly text: string }
  | { readonly type: 'strings' | 'i18n'; readonly texts: readonly string[] }
  | { readonly type: 'binary'; readonly bytes: Buffer };

export interface RpmEntry {
  readonly tag: number;
  readonly value: RpmValue;
}

const MAGIC = Buffer.from([0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0]);
const TYPES = { int16: 3, int32: 4, string: 6, binary: 7, strings: 8, i18n: 9 } as const;
const ENTRY_BYTES = 16;

/**
 * A header of an rpm: an index of tags and a store of values, closed off by a region tag (62 for the signature's header,
 * 63 for the main one) whose trailer says how much of it belongs together.
 */
export function rpmHeader(region: 62 | 63, entries: readonly RpmEntry[]): Buffer {
  const sorted = [...entries].sort((a, b) => a.tag - b.tag);
  const store: Buffer[] = [];
  let offset = 0;
  const index = sorted.map(({ tag, value }) => {
    const { bytes, count, align } = stored(value);
    const gap = (align - (offset % align)) % align;
    store.push(Buffer.alloc(gap), bytes);
    offset += gap;
    const row = indexEntry(tag, TYPES[value.type], offset, count);
    offset += bytes.length;
    return row;
  });
  const count = sorted.length + 1;
  const trailer = indexEntry(region, TYPES.binary, -(count * ENTRY_BYTES), ENTRY_BYTES);
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(count, 0);
  lengths.writeUInt32BE(offset + ENTRY_BYTES, 4);
  const own = indexEntry(region, TYPES.binary, offset, ENTRY_BYTES);
  return Buffer.concat([MAGIC, lengths, own, ...index, ...store, trailer]);
}

function indexEntry(tag: number, type: number, offset: number, count: number): Buffer {
  const row = Buffer.alloc(ENTRY_BYTES);
  row.writeInt32BE(tag, 0);
  row.writeInt32BE(type, 4);
  row.writeInt32BE(offset, 8);
  row.writeInt32BE(count, 12);
  return row;
}

function stored(value: RpmValue): { bytes: Buffer; count: number; align: number } {
  switch (value.type) {
    case 'int16':
    case 'int32': {
      const width = value.type === 'int16' ? 2 : 4;
      const bytes = Buffer.alloc(value.values.length * width);
      for (const [index, number] of value.values.entries()) bytes.writeUIntBE(number, index * width, width);
      return { bytes, count: value.values.length, align: width };
    }
    case 'string':
      return { bytes: Buffer.from(`${value.text}\0`), count: 1, align: 1 };
    case 'strings':
    case 'i18n':
      return {
        bytes: Buffer.from(value.texts.map((text) => `${text}\0`).join('')),
        count: value.texts.length,
        align: 1,
      };
    case 'binary':
      return { bytes: value.bytes, count: value.bytes.length, align: 1 };
  }
}
