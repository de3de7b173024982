/** Waits between tries, in milliseconds. Full jitter: a fleet that lost its coordinator does not come back as one wave. */

const FIRST_MS = 250;
const LONGEST_MS = 30_000;
const LONGEST_STRANGER_MS = 300_000;
const SUPERSEDED_MS = 30_000;

/** How long to wait before try number `failures` (1 after the first failure). Between 0 and 30 s; the first at most 250 ms. */
export function backOffMs(failures: number, random: () => number): number {
  return jittered(failures, LONGEST_MS, random);
}

/** The same for who answers and does not prove to be the coordinator: up to 5 min, since it hears the name of this host each time. */
export function strangerBackOffMs(failures: number, random: () => number): number {
  return jittered(failures, LONGEST_STRANGER_MS, random);
}

/** How long to leave the field to another process with the same identity: 30 to 60 s, else the two evict each other for ever. */
export function supersededBackOffMs(random: () => number): number {
  return SUPERSEDED_MS + Math.floor(random() * SUPERSEDED_MS);
}

function jittered(failures: number, longest: number, random: () => number): number {
  const ceiling = Math.min(longest, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return Math.floor(random() * ceiling);
}
