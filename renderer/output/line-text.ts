import type { LineStore } from './line-store.ts';

const whole = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The text of a line with its colour sequences; bytes that are no UTF-8 are replaced. A line feed never stands inside a
 * character, so decoding line by line gives what a decoder of the whole stream would give. Of an open line a character
 * whose end has not come yet is held back.
 */
export function lineText(store: LineStore, line: number): string {
  const bytes = store.text(line);
  if (!store.isOpen(line)) return whole.decode(bytes);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true });
}
