/** Bytes of one page. A text that does not fit into what is left of a page begins the next one. */
export const PAGE_BYTES = 1 << 20;

const LINE_FEED = 10;

/**
 * Append-only bytes in pages, so that a long output never has to be copied as it grows and its oldest part can be let go.
 * A text lies in one page; one that is longer than a page gets a page of its own.
 */
export class BytePages {
  readonly #pages: Uint8Array[] = [];
  #used = 0;
  #first = 0;
  #bytes = 0;

  /** Bytes that the pages take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the page that the last text went to. */
  get page(): number {
    return this.#first + this.#pages.length - 1;
  }

  /** Copies `text` in, a line feed after it, and answers where it starts in {@link page}. */
  append(text: Uint8Array): number {
    const taken = text.length + 1;
    let page = this.#pages.at(-1);
    if (page === undefined || this.#used + taken > page.length) {
      page = new Uint8Array(Math.max(PAGE_BYTES, taken));
      this.#pages.push(page);
      this.#bytes += page.length;
      this.#used = 0;
    }
    const start = this.#used;
    page.set(text, start);
    page[start + text.length] = LINE_FEED;
    this.#used += taken;
    return start;
  }

  /** A view of what {@link append} stored; throws RangeError for a page that was let go. */
  read(page: number, start: number, length: number): Uint8Array {
    const bytes = this.#pages[page - this.#first];
    if (bytes === undefined) throw new RangeError(`Page ${page} of the output is not kept.`);
    return bytes.subarray(start, start + length);
  }

  /** Lets go of all pages before `page`; the page in use always stays. */
  dropBefore(page: number): void {
    while (this.#first < page && this.#pages.length > 1) {
      this.#bytes -= this.#pages.shift()?.length ?? 0;
      this.#first += 1;
    }
  }
}
