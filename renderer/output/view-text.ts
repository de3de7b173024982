import { plainText } from './ansi-row.ts';
import type { LineStore } from './line-store.ts';
import { lineText } from './line-text.ts';
import type { LineView } from './line-view.ts';

/** More than this is not put on the clipboard, in characters. */
export const LONGEST_COPY = 16_000_000;

/** All lines of a view as plain text, one below the other; null when they are too long for the clipboard. */
export function viewText(store: LineStore, view: LineView): string | null {
  const lines: string[] = [];
  let length = 0;
  for (let row = 0; row < view.count; row++) {
    const text = plainText(lineText(store, view.line(row)));
    length += text.length + 1;
    if (length > LONGEST_COPY) return null;
    lines.push(text);
  }
  return lines.map((line) => `${line}\n`).join('');
}
