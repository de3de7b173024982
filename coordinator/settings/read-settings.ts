import { parseArgs } from 'node:util';
import { z } from 'zod';
import { isLoopback } from '../http/same-origin.ts';
import { StartError } from '../start-error.ts';
import { environmentName, SETTINGS, type Setting, type SettingName, type Settings } from './settings-table.ts';

export interface SettingSources {
  /** Without the program's own name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the settings file; throws when it cannot. */
  readonly readFile: (path: string) => string;
}

export interface ReadSettings {
  readonly settings: Settings;
  /** `--help` or `--version` was asked for: print and end. */
  readonly asked: 'help' | 'version' | null;
}

const FileSchema = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()], 'must be text, a number, true or false.'),
);
const entries = Object.entries(SETTINGS) as [SettingName, Setting][];

/**
 * Reads all settings: a flag wins over the environment, that over the file (`--settings FILE` or `OUTRUNNER_SETTINGS`, JSON
 * with the flags' names), that over the default. @throws StartError that names the setting and where the wrong value stood.
 */
export function readSettings(sources: SettingSources): ReadSettings {
  const flags = readFlags(sources.argv);
  const fileName = text(flags.settings) ?? sources.env.OUTRUNNER_SETTINGS;
  const fromFile = fileName === undefined ? {} : readSettingsFile(fileName, sources.readFile);
  const settings: Record<string, unknown> = {};
  for (const [name, setting] of entries) {
    const { value, source } = sourceOf(setting, flags, sources.env, fromFile, fileName);
    const parsed = setting.schema.safeParse(value);
    if (!parsed.success) {
      const message = parsed.error.issues[0]?.message ?? 'is not right.';
      throw new StartError('settings', `${source} ${message} It is ${JSON.stringify(value)}.`);
    }
    settings[name] = parsed.data;
  }
  const read = settings as Settings;
  checkTogether(read);
  return { settings: read, asked: askedFor(flags) };
}

function checkTogether(settings: Settings): void {
  if ((settings.tlsCert === null) !== (settings.tlsKey === null)) {
    const [given, missing] = settings.tlsCert === null ? ['tls-key', 'tls-cert'] : ['tls-cert', 'tls-key'];
    throw new StartError('settings', `--${given} needs --${missing} beside it.`);
  }
  if (!isLoopback(settings.host) && settings.tlsCert === null && settings.trustedProxy.length === 0) {
    throw new StartError(
      'settings',
      `--host ${settings.host} can be reached from other hosts, and without TLS passwords and tokens would travel readable. ` +
        'Give --tls-cert and --tls-key, or declare the proxy that ends TLS with --trusted-proxy.',
    );
  }
  if (settings.publicUrl !== null) return;
  if (settings.trustedProxy.length > 0) {
    throw new StartError('settings', '--trusted-proxy needs --public-url: where people reach the proxy.');
  }
  if (settings.host === '0.0.0.0' || settings.host === '::') {
    throw new StartError(
      'settings',
      `--host ${settings.host} is every address of this host; --public-url must say which one goes into downloads.`,
    );
  }
}

type Flags = Record<string, string | boolean | undefined>;

/** Where a setting is set, and to what; the file's place for the default, which is never wrong. */
function sourceOf(
  setting: Setting,
  flags: Flags,
  env: SettingSources['env'],
  fromFile: Record<string, unknown>,
  fileName: string | undefined,
): { value: unknown; source: string } {
  const { flag } = setting;
  const variable = environmentName(setting);
  if (flags[flag] !== undefined) return { value: flags[flag], source: `--${flag}` };
  // An empty variable is how a shell says "not set".
  if (env[variable] !== undefined && env[variable] !== '') return { value: env[variable], source: variable };
  return { value: fromFile[flag], source: `“${flag}” in ${fileName}` };
}

function askedFor(flags: Flags): ReadSettings['asked'] {
  if (flags.help === true) return 'help';
  return flags.version === true ? 'version' : null;
}

function readFlags(argv: readonly string[]): Flags {
  const options: Record<string, { type: 'string' | 'boolean' }> = {
    settings: { type: 'string' },
    help: { type: 'boolean' },
    version: { type: 'boolean' },
  };
  for (const [, setting] of entries)
    options[setting.flag] = { type: setting.value === undefined ? 'boolean' : 'string' };
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const said = cause instanceof Error ? (cause.message.split('. ')[0] ?? '') : String(cause);
    throw new StartError('settings', `${said}. See --help.`, cause);
  }
}

function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function readSettingsFile(path: string, readFile: (path: string) => string): Record<string, string | number | boolean> {
  let value: unknown;
  try {
    value = JSON.parse(readFile(path));
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new StartError('settings', `The settings file ${path} cannot be read: ${said}.`, cause);
  }
  const parsed = FileSchema.safeParse(value);
  if (!parsed.success) {
    const at = parsed.error.issues[0]?.path.join('.') ?? '';
    throw new StartError(
      'settings',
      `The settings file ${path} must be a JSON object of text, numbers and switches; see ${at === '' ? 'its beginning' : `“${at}”`}.`,
    );
  }
  const unknown = Object.keys(parsed.data).find((key) => !entries.some(([, setting]) => setting.flag === key));
  if (unknown !== undefined)
    throw new StartError('settings', `The settings file ${path} names “${unknown}”, which is no setting.`);
  // JSON has its own numbers and switches; the schemas read both those and text.
  return parsed.data;
}
