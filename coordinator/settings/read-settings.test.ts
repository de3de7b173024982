import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { isLoopback } from '../http/same-origin.ts';
import { StartError } from '../start-error.ts';
import { readSettings } from './read-settings.ts';
import { helpText, settingsDocument } from './settings-document.ts';
import { environmentName, SETTINGS } from './settings-table.ts';

function read(argv: string[] = [], env: Record<string, string> = {}, file?: unknown) {
  return readSettings({ argv, env, readFile: () => (typeof file === 'string' ? file : JSON.stringify(file)) }).settings;
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof StartError && error.kind === 'settings') return error.message;
    throw error;
  }
  throw new Error('It was accepted.');
}

describe('settings', () => {
  test('have defaults that need no answer', () => {
    expect(read()).toMatchObject({
      host: '127.0.0.1',
      port: 4440,
      portSearch: false,
      publicUrl: null,
      logLevel: 'info',
      trustedProxy: [],
    });
  });

  test('a flag wins over the environment, that over the file, that over the default', () => {
    const file = { port: 1, 'log-level': 'warn', 'session-hours': 2 };
    const settings = read(
      ['--settings', 'x.json', '--port', '3'],
      { OUTRUNNER_PORT: '2', OUTRUNNER_LOG_LEVEL: 'error' },
      file,
    );
    expect(settings).toMatchObject({ port: 3, logLevel: 'error', sessionHours: 2 });
  });

  test.each([
    [['--port', 'many'], '--port must be a number. It is "many".'],
    [['--port', '70000'], '--port must be 0 to 65535. It is "70000".'],
    [['--log-level', 'loud'], '--log-level must be one of trace, debug, info, warn, error, silent. It is "loud".'],
    [['--public-url', 'ftp://x'], '--public-url must be like https://host:port. It is "ftp://x".'],
    [['--tls-cert', 'a.pem'], '--tls-cert needs --tls-key beside it.'],
    [['--tls-key', 'a.pem'], '--tls-key needs --tls-cert beside it.'],
    [['--colour', 'red'], "Unknown option '--colour'. See --help."],
  ])('%j is refused: %s', (argv, message) => {
    expect(refusal(() => read(argv))).toBe(message);
  });

  test('a wrong value is named with the place where it stands', () => {
    expect(refusal(() => read([], { OUTRUNNER_PORT: '-1' }))).toContain('OUTRUNNER_PORT must be');
    expect(refusal(() => read(['--settings', 'x.json'], {}, { port: 'x' }))).toContain('“port” in x.json must be');
    expect(refusal(() => read(['--settings', 'x.json'], {}, { prot: 1 }))).toContain('“prot”, which is no setting');
    expect(refusal(() => read(['--settings', 'x.json'], {}, '{'))).toContain('The settings file x.json cannot be read');
  });

  test('beyond loopback TLS or a declared proxy is needed, and the reason is said', () => {
    expect(refusal(() => read(['--host', '0.0.0.0']))).toContain('passwords and tokens would travel readable');
    expect(
      read(['--host', '0.0.0.0', '--public-url', 'https://o.example', '--trusted-proxy', '10.0.0.1, 10.0.0.2'])
        .trustedProxy,
    ).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(
      read(['--host', '0.0.0.0', '--tls-cert', 'c', '--tls-key', 'k', '--public-url', 'https://o.example']).host,
    ).toBe('0.0.0.0');
    for (const host of ['127.0.0.1', '127.8.8.8', '::1', 'localhost']) expect(isLoopback(host)).toBe(true);
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.example'])
      expect(isLoopback(host)).toBe(false);
  });

  test('help and version are asked for, not settings', () => {
    expect(readSettings({ argv: ['--help'], env: {}, readFile: () => '' }).asked).toBe('help');
    for (const setting of Object.values(SETTINGS)) expect(helpText()).toContain(`--${setting.flag}`);
  });

  test('the documentation is up to date', () => {
    const written = readFileSync(path.resolve(import.meta.dirname, '../../docs/settings.md'), 'utf8');
    expect(written, 'run: node coordinator/settings/write-document.ts').toBe(settingsDocument());
    for (const setting of Object.values(SETTINGS)) expect(written).toContain(environmentName(setting));
  });
});
