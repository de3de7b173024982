import { sql } from 'kysely';
import { preparedQuery } from '../store/prepared-query.ts';
import type { JournalPieceTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

/** What journals need of the store. */
export type PieceStore = Pick<Store, 'read' | 'write'>;

const insertPiece = preparedQuery<JournalPieceTable>((db, value) =>
  db.insertInto('journal_piece').values({
    operation_id: value('operation_id'),
    number: value('number'),
    bytes: value('bytes'),
  } satisfies Record<keyof JournalPieceTable, unknown>),
);

const deleteFrom = preparedQuery<{ operation: string; number: number }>((db, value) =>
  db.deleteFrom('journal_piece').where('operation_id', '=', value('operation')).where('number', '>=', value('number')),
);

const selectPieces = preparedQuery<{ operation: string }, { bytes: Uint8Array }>((db, value) =>
  db.selectFrom('journal_piece').select('bytes').where('operation_id', '=', value('operation')).orderBy('number'),
);

const selectSize = preparedQuery<{ operation: string }, { bytes: number | null }>((db, value) =>
  db
    .selectFrom('journal_piece')
    .select(sql<number | null>`sum(length(bytes))`.as('bytes'))
    .where('operation_id', '=', value('operation')),
);

/** What the database has of the journal of one operation. */
export interface StoredPieces {
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** The journals that are rows of the database. They are short: one is always read as a whole. */
export class JournalPieces {
  readonly #store: PieceStore;

  constructor(store: PieceStore) {
    this.#store = store;
  }

  /**
   * Resolves when the piece is durable; it shares its commit with whatever else is being written. `clear`: what stands
   * there from its number on is not of this journal, and goes.
   */
  async add(piece: JournalPieceTable, clear: boolean): Promise<void> {
    await this.#store.write(async (tx) => {
      if (clear) await deleteFrom(tx, { operation: piece.operation_id, number: piece.number });
      await insertPiece(tx, piece);
    });
  }

  /** Resolves when it is durable that the journal is no rows any more, but its file. */
  async remove(operation: string): Promise<void> {
    await this.#store.write((tx) => deleteFrom(tx, { operation, number: 0 }));
  }

  /** Puts one piece with these bytes in the place of all that there are. */
  async replace(operation: string, bytes: Uint8Array): Promise<void> {
    await this.#store.write(async (tx) => {
      await deleteFrom(tx, { operation, number: 0 });
      if (bytes.length > 0) await insertPiece(tx, { operation_id: operation, number: 0, bytes });
    });
  }

  async read(operation: string): Promise<StoredPieces> {
    const { rows } = await selectPieces(this.#store.read, { operation });
    const [first] = rows;
    if (first !== undefined && rows.length === 1) return { count: 1, bytes: first.bytes };
    return { count: rows.length, bytes: Buffer.concat(rows.map((row) => row.bytes)) };
  }

  /** Bytes of a journal that is rows; 0 when it is none. */
  async size(operation: string): Promise<number> {
    const { rows } = await selectSize(this.#store.read, { operation });
    return Number(rows[0]?.bytes ?? 0);
  }
}
