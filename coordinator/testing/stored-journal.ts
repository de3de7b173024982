import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface StoredPlaces {
  /** The file of the database. */
  readonly database: string;
  /** The folder of journals that are files. */
  readonly folder: string;
}

/** The file of a journal that is one. */
export function journalPath(folder: string, operation: string): string {
  return join(folder, operation.slice(0, 2), `${operation}.journal`);
}

/** The rows that a short journal is, as another process finds them; empty when it has none. */
export function storedPieces(database: string, operation: string): Buffer[] {
  const reading = new DatabaseSync(database, { readOnly: true });
  try {
    const rows = reading
      .prepare('select bytes from journal_piece where operation_id = ? order by number')
      .all(operation);
    return rows.map((row) => Buffer.from(row.bytes as Uint8Array));
  } finally {
    reading.close();
  }
}

/** A journal as it is stored, by another way than the coordinator reads it: its rows if it has any, else its file. */
export async function storedJournal({ database, folder }: StoredPlaces, operation: string): Promise<Buffer> {
  const pieces = storedPieces(database, operation);
  return pieces.length > 0 ? Buffer.concat(pieces) : readFile(journalPath(folder, operation));
}
