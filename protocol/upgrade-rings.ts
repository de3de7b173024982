/**
 * The ring of each of `count` replicas, in order: a ring ends at its part in percent, rounded up, so that the first has at
 * least one. Parts rise to 100. A ring may be empty when there are few replicas; such a ring is left out, and the numbers stay
 * without gaps.
 */
export function ringsOf(count: number, parts: readonly number[]): number[] {
  const rings: number[] = [];
  let number = 0;
  for (const part of parts) {
    const end = Math.min(count, Math.ceil((count * part) / 100));
    if (end === rings.length) continue;
    while (rings.length < end) rings.push(number);
    number += 1;
  }
  return rings;
}
