/** Chance that can be repeated: the same seed gives the same choices in the same order. */
export interface Random {
  /** Between 0 and 1, without 1. */
  share(): number;
  /** A whole number from `least` to `most`, both possible. */
  whole(least: number, most: number): number;
  oneOf<T>(things: readonly [T, ...T[]]): T;
  /** Another source that is not disturbed by how often this one is asked. */
  branch(): Random;
}

/** Mulberry32: small, and good enough to choose moments and sizes. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const share = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (least: number, most: number) => least + Math.floor(share() * (most - least + 1));
  return {
    share,
    whole,
    oneOf: (things) => things[whole(0, things.length - 1)] as (typeof things)[0],
    branch: () => seededRandom(whole(0, 2 ** 31)),
  };
}
