import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The collector of V8, which Node shows only when it is asked to. */
export interface GarbageCollector {
  /** Makes it give back all that it can; takes some ten milliseconds. */
  everything(): void;
  /** Makes it give back what came to be lately and is needed no more; takes a millisecond or less. */
  recent(): void;
}

/** Gets hold of the collector of this process. */
export function garbageCollector(): GarbageCollector {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  const ask = (how: object) => {
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [how]);
  };
  return {
    everything: () => ask({ type: 'major', flavor: 'last-resort' }),
    recent: () => ask({ type: 'minor' }),
  };
}
