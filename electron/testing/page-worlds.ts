/**
 * What runs inside Chromium for the stand-in: two scripts at the start of each document, in two JavaScript worlds, like
 * Electron's page and its isolated preload script. The worlds share nothing but window events that carry text, so only what
 * can be written as JSON crosses, and functions as numbers. That is a little less than Electron lets through, never more.
 */

/** Name of the preload script's world. */
export const PRELOAD_WORLD = 'outrunner-preload';
/** Function in that world that the stand-in listens on. */
export const IPC_BINDING = '__standInIpc';
/** Function in that world that the stand-in calls, with JSON. */
export const IPC_DELIVER = '__standInDeliver';

const CROSSING = `
  const functions = new Map();
  let made = 0;
  const encode = (value) => {
    if (value === undefined) return { undefined: true };
    if (typeof value === 'function') {
      made += 1;
      functions.set(made, value);
      return { fn: made };
    }
    if (value === null || typeof value !== 'object') return { value };
    if (Array.isArray(value)) return { list: value.map(encode) };
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) throw new Error('An object could not be cloned.');
    return { object: Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, encode(inner)])) };
  };
  const decode = (wire) => {
    if ('undefined' in wire) return undefined;
    if ('fn' in wire) return (...args) => call(wire.fn, args);
    if ('list' in wire) return wire.list.map(decode);
    if ('object' in wire) return Object.fromEntries(Object.entries(wire.object).map(([key, inner]) => [key, decode(inner)]));
    return wire.value;
  };
  const calls = new Map();
  const post = (message) => window.dispatchEvent(new CustomEvent(OTHER, { detail: JSON.stringify(message) }));
  // A function of the other world: its answer comes at once when it gives one, else as a promise, as in Electron.
  const call = (fn, args) => {
    made += 1;
    const id = made;
    const message = { call: fn, id, args: args.map(encode) };
    const entry = {};
    entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    entry.promise.catch(() => {});
    calls.set(id, entry);
    post(message);
    if ('now' in entry) return entry.now;
    if ('thrown' in entry) throw entry.thrown;
    return entry.promise;
  };
  const failure = (error) => (error instanceof Error ? { message: error.message } : { plain: encode(error) });
  const revive = (wire) => ('message' in wire ? new Error(wire.message) : decode(wire.plain));
  window.addEventListener(OWN, ({ detail }) => {
    const message = JSON.parse(detail);
    if ('expose' in message) Object.defineProperty(window, message.expose, { value: Object.freeze(decode(message.api)) });
    else if ('call' in message) {
      let result;
      try {
        result = functions.get(message.call)(...message.args.map(decode));
      } catch (error) {
        return post({ thrown: failure(error), id: message.id });
      }
      if (!(result instanceof Promise)) return post({ now: encode(result), id: message.id });
      result.then(
        (value) => post({ resolved: encode(value), id: message.id }),
        (error) => post({ rejected: failure(error), id: message.id }),
      );
    } else {
      const entry = calls.get(message.id);
      calls.delete(message.id);
      if ('now' in message) entry.now = decode(message.now);
      else if ('thrown' in message) entry.thrown = revive(message.thrown);
      else if ('resolved' in message) entry.resolve(decode(message.resolved));
      else entry.reject(revive(message.rejected));
    }
  });
`;

/** The script of the page's world: it only receives what the preload script exposes. */
export const PAGE_SCRIPT = `(() => {
  if (window !== window.top) return;
  const OWN = 'stand-in:to-page', OTHER = 'stand-in:to-preload';
  ${CROSSING}
})();`;

/** The script of the preload world: `require('electron')` with the two modules that a sandboxed preload script gets. */
export function preloadScript(preload: string): string {
  return `(() => {
  if (window !== window.top) return;
  const OWN = 'stand-in:to-preload', OTHER = 'stand-in:to-page';
  ${CROSSING}
  const pending = new Map();
  const listeners = new Map();
  let asked = 0;
  window.${IPC_DELIVER} = (text) => {
    const message = JSON.parse(text);
    if ('event' in message) {
      for (const listener of [...(listeners.get(message.event) ?? [])]) listener({ sender: 'never for the page' }, ...message.args);
      return;
    }
    const entry = pending.get(message.id);
    pending.delete(message.id);
    if ('error' in message) entry.reject(new Error(message.error));
    else entry.resolve(message.value);
  };
  const electron = {
    contextBridge: { exposeInMainWorld: (name, api) => post({ expose: name, api: encode(api) }) },
    ipcRenderer: {
      invoke: (channel, ...args) =>
        new Promise((resolve, reject) => {
          asked += 1;
          pending.set(asked, { resolve, reject });
          // JSON would make null of undefined; Electron keeps it.
          window.${IPC_BINDING}(JSON.stringify({ id: asked, channel, args: args.map((value) => ({ value })) }));
        }),
      on: (channel, listener) => listeners.set(channel, [...(listeners.get(channel) ?? []), listener]),
      off: (channel, listener) => listeners.set(channel, (listeners.get(channel) ?? []).filter((one) => one !== listener)),
    },
  };
  const module = { exports: {} };
  const require = (name) => {
    if (name === 'electron') return electron;
    throw new Error('A sandboxed preload script has no module ' + name);
  };
  ((require, module, exports) => {
${preload}
  })(require, module, module.exports);
})();`;
}
