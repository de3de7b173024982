import { PLAIN, type SgrState, sgrAfter, sgrSequence } from './sgr-state.ts';

/** A longer line is shown as several rows: a browser cannot lay out a line of 100 MB. */
export const MAX_LINE_BYTES = 16_384;

const encoder = new TextEncoder();
const NONE = new Uint8Array(0);

/** The unfinished line of one stream of one step: its bytes, whether it is to be overwritten, and the colour it is in. */
export class OpenText {
  /** Number of the line in the store; null while no row was made for it. */
  line: number | null = null;
  /** A carriage return was seen: what comes next replaces the line. */
  carriage = false;
  #sgr: SgrState = PLAIN;
  #bytes: Uint8Array = NONE;
  #length = 0;

  /** Whether nothing was printed since the last end of line. */
  get untouched(): boolean {
    return this.#length === 0 && !this.carriage && this.line === null;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds text without an end of line. It must fit {@link MAX_LINE_BYTES}. */
  add(text: Uint8Array): void {
    const length = this.#length + text.length;
    if (length > this.#bytes.length) {
      const wider = new Uint8Array(Math.min(MAX_LINE_BYTES, Math.max(256, length * 2)));
      wider.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = wider;
    }
    this.#bytes.set(text, this.#length);
    this.#length = length;
  }

  /** Forgets the text, keeps the colour that it left: what a terminal does after a carriage return. */
  overwrite(): void {
    this.#sgr = sgrAfter(this.#sgr, this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    this.carriage = false;
  }

  /** The text so far, with the colour it began in. */
  text(): Uint8Array {
    return this.coloured(this.#bytes.subarray(0, this.#length));
  }

  /** `text` with the colour before it in which this line begins. A view of `text` itself when that is none. */
  coloured(text: Uint8Array): Uint8Array {
    const sequence = encoder.encode(sgrSequence(this.#sgr));
    if (sequence.length === 0) return text;
    const whole = new Uint8Array(sequence.length + text.length);
    whole.set(sequence);
    whole.set(text, sequence.length);
    return whole;
  }

  /** The line is over: the next one begins empty, in the colour that this one left. */
  end(): void {
    this.overwrite();
    this.line = null;
  }

  /** As {@link end}, for a line whose `text` never went through this object. */
  passed(text: Uint8Array): void {
    this.#sgr = sgrAfter(this.#sgr, text);
  }

  /** Takes the first {@link MAX_LINE_BYTES} (or a little less, not to cut a character or a sequence) off a full line. */
  cut(): { readonly text: Uint8Array; readonly rest: Uint8Array } {
    const bytes = this.#bytes.slice(0, this.#length);
    const at = cutPoint(bytes);
    return { text: this.coloured(bytes.subarray(0, at)), rest: bytes.slice(at) };
  }

  /** Goes on with `rest` on a new line, after {@link cut}. */
  restart(rest: Uint8Array): void {
    this.#length -= rest.length;
    this.end();
    this.add(rest);
  }
}

/** Where to cut full `bytes`: before an unfinished character or escape sequence at their end, else at the end. */
function cutPoint(bytes: Uint8Array): number {
  const escapeAt = bytes.lastIndexOf(0x1b);
  if (escapeAt > 0 && bytes.length - escapeAt < 64) {
    const tail = bytes.subarray(escapeAt + 1);
    const final = tail.findIndex((byte, index) => byte >= 0x40 && byte <= 0x7e && !(index === 0 && byte === 0x5b));
    if (final === -1) return escapeAt;
  }
  // UTF-8: at most three continuation bytes follow a lead byte.
  for (let at = bytes.length - 1; at > 0 && at >= bytes.length - 4; at--) {
    const byte = bytes[at] as number;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const needs = 2 + Number(byte >= 0xe0) + Number(byte >= 0xf0);
      return bytes.length - at < needs ? at : bytes.length;
    }
  }
  return bytes.length;
}
