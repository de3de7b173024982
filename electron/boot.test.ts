import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { type BootApp, type BootSteps, boot } from './boot.ts';

function start(options: { locked?: boolean; failing?: keyof BootSteps; platform?: NodeJS.Platform } = {}) {
  const log: string[] = [];
  const events = new EventEmitter();
  const ready = Promise.withResolvers<void>();
  const quitted = Promise.withResolvers<void>();
  const app: BootApp = {
    requestSingleInstanceLock: () => {
      log.push('lock');
      return !options.locked;
    },
    whenReady: () => ready.promise,
    quit() {
      log.push('quit');
      let prevented = false;
      events.emit('will-quit', { preventDefault: () => (prevented = true) });
      if (!prevented) quitted.resolve();
    },
    on: (event: string, listener: (...args: never[]) => void) => events.on(event, listener as never),
  };
  const step = (name: keyof BootSteps) => {
    log.push(name);
    if (options.failing === name) throw new Error(`${name} failed`);
  };
  const steps: BootSteps = {
    prepare: () => step('prepare'),
    guard: () => step('guard'),
    serve: async () => step('serve'),
    show: async (argv) => step(`show ${argv.join(' ')}`.trim() as 'show'),
    openLink: (url) => step(`open ${url}` as 'openLink'),
    stop: async () => step('stop'),
    report: (error) => void log.push(String(error)),
    fail: (error) => void log.push(`told: ${error}`),
  };
  const result = boot(app, steps, { argv: ['--first'], platform: options.platform ?? 'linux' });
  return { log, events, ready, result, quitted: quitted.promise };
}

it('takes the lock first, prepares before ready, guards before serving, and shows last', async () => {
  const { log, ready, result } = start();
  expect(log).toEqual(['lock', 'prepare']);
  ready.resolve();
  expect(await result).toBe('shown');
  expect(log).toEqual(['lock', 'prepare', 'guard', 'serve', 'show --first']);
});

it('gives way to the first instance without touching anything', async () => {
  const { log, result, quitted } = start({ locked: true });
  expect(await result).toBe('given-way');
  await quitted;
  expect(log).toEqual(['lock', 'quit']);
});

it('comes forward when a second instance starts, with the link that it brought', async () => {
  const { log, events, ready, result } = start();
  events.emit('second-instance', {}, ['too', 'early']);
  ready.resolve();
  await result;
  events.emit('second-instance', {}, ['app', 'outrunner://']);
  events.emit('activate');
  expect(log.slice(5)).toEqual(['show app outrunner://', 'show']);
});

it('opens the link with which macOS started it, and later ones', async () => {
  const { log, events, ready, result } = start({ platform: 'darwin' });
  let prevented = 0;
  const event = { preventDefault: () => (prevented += 1) };
  events.emit('open-url', event, 'outrunner://first');
  ready.resolve();
  await result;
  events.emit('open-url', event, 'outrunner://second');
  expect(log.slice(4)).toEqual(['show outrunner://first', 'open outrunner://second']);
  expect(prevented).toBe(2);
});

it('stops what it started before it ends, once', async () => {
  const { log, events, ready, result, quitted } = start();
  ready.resolve();
  await result;
  events.emit('window-all-closed');
  await quitted;
  expect(log.slice(5)).toEqual(['quit', 'stop', 'quit']);
});

it('stays on macOS when its last window is closed', async () => {
  const { log, events, ready, result } = start({ platform: 'darwin' });
  ready.resolve();
  await result;
  events.emit('window-all-closed');
  expect(log).not.toContain('quit');
});

it('tells the person which step failed, and ends instead of hanging without a window', async () => {
  for (const failing of ['prepare', 'guard', 'serve'] as const) {
    const { log, ready, result, quitted } = start({ failing });
    ready.resolve();
    expect(await result).toBe('failed');
    await quitted;
    expect(log).toContain(`told: Error: ${failing} failed`);
    expect(log).toContain('stop');
  }
});
