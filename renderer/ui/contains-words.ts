/** Whether each word of `search` occurs somewhere in `texts`, without regard to case. An empty search finds everything. */
export function containsWords(search: string, ...texts: readonly string[]): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = texts.join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}
