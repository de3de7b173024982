import type { ToldTrust } from '../../protocol/trust.ts';

/** What agents say they believe can be anything: beyond so many different answers the old ones are forgotten. */
const REMEMBERED = 100;

/** Lets all sessions whose agents believe the same keys share their texts: ten thousand of them then keep a few. */
export class SharedKeys {
  readonly #known = new Map<string, string[]>();

  /** The same as `told`, with shared keys. */
  of({ keys, serial }: ToldTrust): ToldTrust {
    const id = keys.join();
    let known = this.#known.get(id);
    if (known === undefined) {
      known = keys;
      if (this.#known.size >= REMEMBERED) this.#known.clear();
      this.#known.set(id, known);
    }
    return { keys: known, serial };
  }
}
