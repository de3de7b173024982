import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainText } from './ansi-row.ts';
import { LineSearch, occurrences } from './line-search.ts';
import { LineStore } from './line-store.ts';
import { lineText } from './line-text.ts';
import { LineView } from './line-view.ts';

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);
const always = () => true;

function filled(count: number, limits?: { lines: number; bytes: number }): LineStore {
  const store = new LineStore(limits);
  for (let line = 0; line < count; line++) store.append('stdout', line % 3, line, bytes(`line ${line}`));
  return store;
}
function found(store: LineStore, wanted: string, step: number | null = null): readonly number[] {
  const view = new LineView(store, step);
  view.update();
  const search = new LineSearch(store, view, wanted);
  while (!search.advance(always));
  return search.matches;
}

describe('the store of lines', () => {
  test('gives back what was put in, over pages and growth', () => {
    const store = new LineStore();
    const texts = [...Array(5000).keys()].map((line) => `${line} ${'x'.repeat((line * 37) % 900)}`);
    for (const [line, text] of texts.entries())
      store.append(line % 2 ? 'stderr' : 'stdout', line % 7, line, bytes(text));
    expect(store.bytes).toBeGreaterThan(2 << 20);
    for (const [line, text] of texts.entries()) {
      expect(lineText(store, line)).toBe(text);
      expect([store.kind(line), store.step(line), store.time(line)]).toEqual([
        line % 2 ? 'stderr' : 'stdout',
        line % 7,
        line,
      ]);
    }
  });

  test('lets the oldest lines go at its bounds, keeps their numbers and the memory in bounds', () => {
    const store = new LineStore({ lines: 1000, bytes: 8 << 20 });
    for (let line = 0; line < 50_000; line++) {
      store.append('stdout', 0, line, bytes(`line ${line} ${'y'.repeat(1000)}`));
      store.trim();
    }
    expect(store.end).toBe(50_000);
    expect(store.end - store.first).toBeLessThanOrEqual(1000);
    expect(store.bytes).toBeLessThanOrEqual(8 << 20);
    expect(lineText(store, 49_999)).toMatch(/^line 49999 /);
    expect(lineText(store, store.first)).toMatch(new RegExp(`^line ${store.first} `));
    expect(() => store.text(store.first - 1)).toThrow(RangeError);
  });

  test('a line that was let go while it was open does no harm when it ends', () => {
    const store = new LineStore({ lines: 10, bytes: 1 << 20 });
    const open = store.open('stdout', 0, 0, () => bytes('open'));
    expect(lineText(store, open)).toBe('open');
    for (let line = 0; line < 200; line++) {
      store.append('stdout', 0, 0, bytes('x'));
      store.trim();
    }
    store.close(open, bytes('closed'));
    expect(store.first).toBeGreaterThan(open);
  });

  test('a million lines take about 27 bytes each beside their text', () => {
    const store = new LineStore();
    const text = bytes('a line of forty characters, more or less');
    for (let line = 0; line < 1_000_000; line++) store.append('stdout', 0, line, text);
    expect(store.end).toBe(1_000_000);
    expect(store.bytes).toBeLessThan(1_000_000 * (text.length + 2));
  });
});

describe('a view of the lines', () => {
  test('of one step has its lines in order, while lines come and go', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 60 }), { maxLength: 20 }), (batches) => {
        const store = new LineStore({ lines: 100, bytes: 1 << 20 });
        const view = new LineView(store, 1);
        const all = new LineView(store, null);
        for (const batch of batches) {
          for (let one = 0; one < batch; one++) store.append('stdout', one % 3, 0, bytes('x'));
          store.trim();
          view.update();
          all.update();
          const expected: number[] = [];
          for (let line = store.first; line < store.end; line++) if (store.step(line) === 1) expected.push(line);
          expect([...Array(view.count).keys()].map((row) => view.line(row))).toEqual(expected);
          for (const [row, line] of expected.entries()) expect(view.row(line)).toBe(row);
          expect(all.count).toBe(store.end - store.first);
          if (all.count > 0) expect(all.line(0)).toBe(store.first);
        }
      }),
    );
  });

  test('says how many rows went at the top', () => {
    const store = filled(100, { lines: 100, bytes: 1 << 20 });
    const view = new LineView(store, null);
    view.update();
    expect(view.gone).toBe(0);
    store.append('stdout', 0, 0, bytes('one more'));
    expect(store.trim()).toBe(10);
    view.update();
    expect(view.gone).toBe(10);
  });
});

describe('search', () => {
  test('finds lines without regard to case and to colours', () => {
    const store = new LineStore();
    store.append('stdout', 0, 0, bytes('An \u001b[31mErr\u001b[0mor here'));
    store.append('stdout', 0, 0, bytes('nothing'));
    store.append('stderr', 0, 0, bytes('ERROR again'));
    expect(found(store, 'error')).toEqual([0, 2]);
  });

  test('looks only at the lines that are shown', () => {
    expect(found(filled(30), 'line 1', 1)).toEqual([1, 10, 13, 16, 19]);
  });

  test('works in slices and goes on as lines come and go', () => {
    const store = filled(20_000);
    const view = new LineView(store, null);
    const search = new LineSearch(store, view, 'line 1999');
    let slices = 1;
    let budget = 1;
    while (!search.advance(() => budget-- > 0)) {
      slices += 1;
      budget = 1;
    }
    expect(slices).toBeGreaterThan(3);
    expect(search.matches).toHaveLength(11);
    store.append('stdout', 0, 0, bytes('again line 1999'));
    search.advance(always);
    expect(search.matches.at(-1)).toBe(20_000);
  });

  test('an open line counts as it stands now', () => {
    const store = new LineStore();
    const view = new LineView(store, null);
    let now = '10 %';
    const line = store.open('stdout', 0, 0, () => bytes(now));
    store.append('stdout', 0, 0, bytes('done 100 %'));
    const search = new LineSearch(store, view, 'done');
    search.advance(always);
    expect(search.matches).toEqual([1]);
    now = 'done!';
    search.advance(always);
    expect(search.matches).toEqual([0, 1]);
    store.close(line, bytes('failed'));
    search.advance(always);
    expect(search.matches).toEqual([1]);
  });

  test('of many lines at once is the same as line by line, for any lines', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom('a', 'Ab', '\u001b', '\u001b[31m', '\u001b]0;', '\u0007', '\b', 'Σ', 'İ', 'é'),
    );
    const line = fc.array(part, { maxLength: 6 }).map((parts) => parts.join('').replaceAll('\n', ''));
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 30 }),
        fc.constantFrom('a', 'ab', 'σ', '31m', 'é', '0'),
        (lines, wanted) => {
          const store = new LineStore();
          for (const [index, text] of lines.entries()) store.append('stdout', index % 2, 0, bytes(text));
          const one = (number: number) => plainText(lineText(store, number)).toLowerCase().includes(wanted);
          const expected = [...lines.keys()].filter(one);
          expect(found(store, wanted)).toEqual(expected);
          expect(found(store, wanted, 1)).toEqual(expected.filter((number) => number % 2 === 1));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('marks each place in a line', () => {
    expect(occurrences('aXbxAx', 'x')).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(occurrences('aaa', 'aa')).toEqual([[0, 2]]);
    expect(occurrences('abc', '')).toEqual([]);
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
        (text, wanted) => {
          for (const [from, to] of occurrences(text, wanted))
            expect(text.slice(from, to).toLowerCase()).toBe(wanted.toLowerCase());
        },
      ),
    );
  });
});
