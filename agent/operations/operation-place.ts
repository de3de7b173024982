import { join } from 'node:path';

/**
 * What lies in the folder of the operations: slots (`slot-7`: an operation that was accepted, with the begin of its journal; see
 * `accepted-store.ts`), and beside them, named by the attempt that they belong to, `KEY` (the working folder of its steps),
 * `KEY.scripts`, and `KEY.0000000123.log` (more of its journal). A short operation makes one folder, and no file.
 */
export function operationPlace(root: string, key: string): string {
  return join(root, key);
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

export const SLOT_NAME = /^slot-(\d{1,9})$/;

export function slotName(number: number): string {
  return `slot-${number}`;
}

const NAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[1-9]\d{0,9})(?:\.(scripts|\d{10}\.log))?$/;

/** What an earlier process left beside the slots: key of the attempt → first records of its further files, ascending. */
export function segmentsByKey(names: readonly string[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  // Sorted, so that the segments of each come in order.
  for (const name of names.toSorted()) {
    const [, key, kind] = NAME.exec(name) ?? [];
    if (key === undefined) continue;
    const firsts = found.get(key) ?? [];
    found.set(key, firsts);
    if (kind?.endsWith('.log')) firsts.push(Number.parseInt(kind, 10));
  }
  return found;
}
