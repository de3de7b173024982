import type { RowSegment } from './ansi-row.ts';
import { occurrences } from './line-search.ts';

export interface MarkedSegment extends RowSegment {
  /** Part of what is searched for. */
  readonly hit: boolean;
}

/** The parts of a row, cut again where what is searched for begins and ends, also when it spans parts. */
export function markedSegments(segments: readonly RowSegment[], wanted: string): MarkedSegment[] {
  const whole = segments.map((segment) => segment.text).join('');
  const hits = occurrences(whole, wanted);
  const marked: MarkedSegment[] = [];
  let at = 0;
  let next = 0;
  for (const segment of segments) {
    const end = at + segment.text.length;
    let from = at;
    while (from < end) {
      while (next < hits.length && (hits[next]?.[1] ?? 0) <= from) next += 1;
      const [hitFrom, hitTo] = hits[next] ?? [end, end];
      const hit = hitFrom <= from;
      const to = Math.min(end, hit ? hitTo : hitFrom);
      marked.push({ ...segment, text: whole.slice(from, to), hit });
      from = to;
    }
    at = end;
  }
  return marked;
}
