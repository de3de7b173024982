import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The collector of V8, which Node shows only when it is asked to: makes it give back all that it can. */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return () => {
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [{ type: 'major', flavor: 'last-resort' }]);
  };
}
