import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { StandIn } from './stand-in.ts';

const PREFIX = 'outrunner-stand-in:';
const standIns = new Map<string, StandIn>();
let made = 0;

/**
 * Runs a built `main.js` with the stand-in as its `electron`, as a new process would: each call evaluates it afresh. For test
 * runners without a module mocker of their own.
 */
export async function importMain(file: string, standIn: StandIn): Promise<void> {
  if (made === 0) hook();
  made += 1;
  const name = `${PREFIX}${made}`;
  standIns.set(name, standIn);
  const url = pathToFileURL(file);
  url.searchParams.set('electron', name);
  await import(url.href);
}

function hook(): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== 'electron' || context.parentURL === undefined) return next(specifier, context);
      const name = new URL(context.parentURL).searchParams.get('electron');
      if (name === null) return next(specifier, context);
      return { url: name, format: 'module', shortCircuit: true };
    },
    load(url, context, next) {
      const standIn = standIns.get(url);
      if (!standIn) return next(url, context);
      const key = JSON.stringify(url);
      Object.assign(globalThis, { [url]: standIn.electron });
      const names = Object.keys(standIn.electron).join(', ');
      return { format: 'module', source: `export const { ${names} } = globalThis[${key}];`, shortCircuit: true };
    },
  });
}
