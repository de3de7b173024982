import { join } from 'node:path';

/**
 * Where an attempt of an operation lies in the folder of the operations. All its names begin with its key, side by side:
 * `KEY.operation` (plan and begin of the journal), `KEY.0000000123.log` (more of the journal), `KEY` (working folder of its
 * steps), `KEY.scripts`. One file and one folder are all that a short operation makes.
 */
export function operationPlace(root: string, key: string): string {
  return join(root, key);
}

/** What was accepted, then the first records of the journal. */
export function acceptedFile(place: string): string {
  return `${place}.operation`;
}

/** The same file, once the operation was handed back: whatever happens to this agent, it must not run it any more. */
export function returnedFile(place: string): string {
  return `${place}.returned`;
}

/** A further file of the journal, named after its first record. */
export function segmentFile(place: string, first: number): string {
  return `${place}.${String(first).padStart(10, '0')}.log`;
}

/** Where its steps work. */
export function workFolder(place: string): string {
  return place;
}

/** Where scripts lie that are too long for a command line. */
export function scriptsFolder(place: string): string {
  return `${place}.scripts`;
}

const NAME =
  /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[1-9]\d{0,9})(?:\.(operation|returned|scripts|\d{10}\.log))?$/;

/** What an earlier process left of one attempt. */
export interface PlaceNames {
  readonly accepted: boolean;
  readonly returned: boolean;
  /** First records of the further files of its journal, ascending. */
  readonly segments: readonly number[];
}

/** Sorts the names in the folder of the operations by the attempts they belong to; others are not looked at. */
export function namesByKey(names: readonly string[]): Map<string, PlaceNames> {
  const found = new Map<string, { accepted: boolean; returned: boolean; segments: number[] }>();
  // Sorted, so that the segments of each come in order.
  for (const name of names.toSorted()) {
    const [, key, kind] = NAME.exec(name) ?? [];
    if (key === undefined) continue;
    const entry = found.get(key) ?? { accepted: false, returned: false, segments: [] };
    found.set(key, entry);
    if (kind === 'operation') entry.accepted = true;
    else if (kind === 'returned') entry.returned = true;
    else if (kind?.endsWith('.log')) entry.segments.push(Number.parseInt(kind, 10));
  }
  return found;
}
