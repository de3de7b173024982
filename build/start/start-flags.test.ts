import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { HELP, readStartFlags, UsageError } from './start-flags.ts';

it('needs no flags', () => {
  expect(readStartFlags([], {})).toEqual({
    dataFolder: join(homedir(), '.outrunner'),
    port: null,
    open: true,
    browser: false,
    help: false,
  });
});

it('takes a folder from the flag before the environment', () => {
  expect(readStartFlags(['--data-dir', 'x'], { OUTRUNNER_DATA_DIR: '/y' }).dataFolder).toBe(resolve('x'));
  expect(readStartFlags([], { OUTRUNNER_DATA_DIR: '/y' }).dataFolder).toBe(resolve('/y'));
});

it('without opening a browser it serves one', () => {
  expect(readStartFlags(['--no-open'], {})).toMatchObject({ open: false, browser: true });
  expect(readStartFlags(['--browser', '--port', '5000'], {})).toMatchObject({ open: true, browser: true, port: 5000 });
});

it('refuses what it does not understand, with one line that names it', () => {
  for (const [argv, what] of [
    [['--port', '0'], '--port'],
    [['--port', '70000'], '--port'],
    [['--port', '1.5'], '--port'],
    [['--data-dir', ''], '--data-dir'],
    [['--what'], '--what'],
    [['folder'], 'folder'],
  ] as const) {
    expect(() => readStartFlags(argv, {}), what).toThrow(UsageError);
    expect(() => readStartFlags(argv, {})).toThrow(what);
  }
  expect(HELP.split('\n').every((line) => line.length <= 110)).toBe(true);
});
