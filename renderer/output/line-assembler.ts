import { type JournalRecord, WHOLE_OPERATION } from '../../protocol/journal.ts';
import { type LineKind, type LineStore, NO_STEP } from './line-store.ts';
import { MAX_LINE_BYTES, OpenText } from './open-text.ts';
import { separatorOf } from './separator.ts';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const encoder = new TextEncoder();

/**
 * Makes lines of journal records: bytes of each step and stream are put together again wherever they were cut, a carriage
 * return begins the line anew (the last state of a progress line is what stays), and what started or ended stands
 * between the lines.
 */
export class LineAssembler {
  readonly #store: LineStore;
  readonly #texts = new Map<number, OpenText>();
  readonly #stepStarted = new Map<number, number>();
  /** The last record of the operation was seen: nothing follows. */
  finished = false;

  constructor(store: LineStore) {
    this.#store = store;
  }

  /** Takes the next record of the journal. */
  push(record: JournalRecord): void {
    if (record.kind === 'output') {
      this.#print(record);
      return;
    }
    // Captured values are not part of what was printed.
    if (record.kind === 'data') return;
    if (record.kind === 'step-started') this.#stepStarted.set(record.step, record.time);
    if (record.kind === 'step-finished') this.#flush((key) => stepOf(key) === record.step);
    if (record.kind === 'finished') {
      this.#flush(() => true);
      this.finished = true;
    }
    const separator = separatorOf(record, this.#stepStarted.get(record.step) ?? null);
    const step = record.step === WHOLE_OPERATION ? NO_STEP : record.step;
    this.#store.append(separator.kind, step, record.time, encoder.encode(separator.text));
  }

  #print(record: JournalRecord): void {
    const { payload, step, time } = record;
    const kind: LineKind = record.stream === 'stderr' ? 'stderr' : 'stdout';
    const key = streamKey(record.node, step, kind);
    let text = this.#texts.get(key);
    if (text === undefined) {
      text = new OpenText();
      this.#texts.set(key, text);
    }
    let at = 0;
    let feed = payload.indexOf(LINE_FEED);
    let carriage = payload.indexOf(CARRIAGE_RETURN);
    while (at < payload.length) {
      if (feed !== -1 && feed < at) feed = payload.indexOf(LINE_FEED, at);
      if (carriage !== -1 && carriage < at) carriage = payload.indexOf(CARRIAGE_RETURN, at);
      const feedAt = feed === -1 ? payload.length : feed;
      const stop = carriage === -1 ? feedAt : Math.min(feedAt, carriage);
      const run = payload.subarray(at, stop);
      at = stop + 1;
      if (stop === feed && text.untouched && run.length <= MAX_LINE_BYTES) {
        // The usual case: a whole line in one piece.
        this.#store.append(kind, step, time, text.coloured(run));
        text.passed(run);
        continue;
      }
      if (run.length > 0) this.#extend(text, kind, step, time, run);
      if (stop === payload.length) break;
      this.#reserve(text, kind, step, time);
      if (stop === carriage) text.carriage = true;
      else this.#close(text);
    }
  }

  #extend(text: OpenText, kind: LineKind, step: number, time: number, run: Uint8Array): void {
    if (text.carriage) text.overwrite();
    let rest = run;
    while (text.length + rest.length > MAX_LINE_BYTES) {
      const room = MAX_LINE_BYTES - text.length;
      text.add(rest.subarray(0, room));
      rest = rest.subarray(room);
      const line = this.#reserve(text, kind, step, time);
      const cut = text.cut();
      this.#store.close(line, cut.text);
      text.restart(cut.rest);
    }
    text.add(rest);
    this.#reserve(text, kind, step, time);
  }

  /** The row of an unfinished line, made when its first byte comes. */
  #reserve(text: OpenText, kind: LineKind, step: number, time: number): number {
    text.line ??= this.#store.open(kind, step, time, () => text.text());
    return text.line;
  }

  #close(text: OpenText): void {
    if (text.line !== null) this.#store.close(text.line, text.text());
    text.end();
  }

  #flush(which: (key: number) => boolean): void {
    for (const [key, text] of this.#texts) {
      if (!which(key)) continue;
      this.#close(text);
      this.#texts.delete(key);
    }
  }
}

function streamKey(node: number, step: number, kind: LineKind): number {
  return (node * 0x10000 + step) * 2 + (kind === 'stderr' ? 1 : 0);
}

function stepOf(key: number): number {
  return Math.floor(key / 2) % 0x10000;
}
