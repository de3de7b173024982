/** Waits between tries, in milliseconds. Full jitter: a fleet that lost its coordinator does not come back as one wave. */

const FIRST_MS = 250;
const LONGEST_MS = 30_000;
const SUPERSEDED_MS = 30_000;

/** How long to wait before try number `failures` (1 after the first failure). Between 0 and 30 s; the first at most 250 ms. */
export function backOffMs(failures: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return Math.floor(random() * ceiling);
}

/** How long to leave the field to another process with the same identity: 30 to 60 s, else the two evict each other for ever. */
export function supersededBackOffMs(random: () => number): number {
  return SUPERSEDED_MS + Math.floor(random() * SUPERSEDED_MS);
}
