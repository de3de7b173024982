import type { OutputLimit } from '../../protocol/operation.ts';

const NEWLINE = 10;

/** What may still be recorded of a piece of output. */
export interface Admitted {
  /** How many bytes of the piece, from its start. */
  readonly bytes: number;
  /** The limit was reached with this piece. */
  readonly reached: boolean;
}

/**
 * Counts what an operation prints, over all its steps and both streams, against its limit. A limit of lines lets the last
 * line in whole, with its end; a limit of bytes cuts anywhere.
 */
export class OutputMeter {
  readonly #limit: OutputLimit;
  #bytes = 0;
  #lines = 0;
  #reached = false;

  constructor(limit: OutputLimit) {
    this.#limit = limit;
  }

  /** The limit was reached: nothing more is recorded. */
  get reached(): boolean {
    return this.#reached;
  }

  admit(piece: Uint8Array): Admitted {
    if (this.#reached) return { bytes: 0, reached: false };
    const { bytes: mostBytes, lines: mostLines } = this.#limit;
    let bytes = piece.length;
    if (mostBytes > 0) bytes = Math.min(bytes, mostBytes - this.#bytes);
    if (mostLines > 0) bytes = this.#countLines(piece, bytes, mostLines);
    this.#bytes += bytes;
    // Exactly at the limit nothing was cut yet; it is reached when there is more.
    this.#reached = bytes < piece.length;
    return { bytes, reached: this.#reached };
  }

  /** For a person: which limit it is. */
  get words(): string {
    const { bytes, lines } = this.#limit;
    const parts = [
      lines > 0 ? `${lines.toLocaleString('en')} lines` : '',
      bytes > 0 ? `${bytes.toLocaleString('en')} bytes` : '',
    ];
    return parts.filter((part) => part !== '').join(' or ');
  }

  /** How many of the first `bytes` bytes belong to lines that are still allowed. */
  #countLines(piece: Uint8Array, bytes: number, most: number): number {
    let at = 0;
    while (at < bytes) {
      if (this.#lines >= most) return at;
      const end = piece.indexOf(NEWLINE, at);
      if (end < 0 || end >= bytes) return bytes;
      this.#lines += 1;
      at = end + 1;
    }
    return bytes;
  }
}
