import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { DATA_FOLDER_NAME, DEFAULT_HOST, DEFAULT_PORT } from '../../protocol/data-folder.ts';
import { LOG_LEVELS } from '../http/log.ts';

/** One setting: its flag, what it is for, and how its text is read. The environment name follows from the flag. */
export interface Setting {
  /** Without the leading `--`. `OUTRUNNER_` and this in upper case is the variable of the environment. */
  readonly flag: string;
  /** What stands after the flag in the help; absent for switches. */
  readonly value?: string;
  readonly what: string;
  /** As it is written in the documentation; the schema holds the value. */
  readonly default: string;
  readonly schema: z.ZodType;
}

const port = z.coerce
  .number('must be a number.')
  .int('must be a whole number.')
  .min(0, 'must be 0 to 65535.')
  .max(65_535, 'must be 0 to 65535.');
const file = z
  .string()
  .min(1, 'must be a path.')
  .transform((text) => path.resolve(text));
const flag = z.union(
  [z.boolean(), z.enum(['true', 'false', '1', '0', '']).transform((text) => text !== 'false' && text !== '0')],
  'must be true or false.',
);
const address = z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an address.');
const publicUrl = z
  .string()
  .regex(/^https?:\/\/[^/?#\s]+\/?$/, 'must be like https://host:port.')
  .transform((url) => url.replace(/\/$/, ''));
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

const installed = path.resolve(
  import.meta.dirname,
  path.basename(import.meta.dirname) === 'settings' ? '../../dist' : '..',
);

/** Every setting of the coordinator. The types of the values, the help and `docs/settings.md` are made from it. */
export const SETTINGS = {
  dataDir: {
    flag: 'data-dir',
    value: 'FOLDER',
    what: 'The one folder that holds everything: database, journals, keys, owner ticket. Copied while the coordinator is stopped, it is a backup.',
    default: `~/${DATA_FOLDER_NAME}`,
    schema: file.default(path.join(os.homedir(), DATA_FOLDER_NAME)),
  },
  host: {
    flag: 'host',
    value: 'ADDRESS',
    what: 'Address to listen on. Anything but loopback needs TLS, or a declared proxy that ends TLS.',
    default: DEFAULT_HOST,
    schema: address.default(DEFAULT_HOST),
  },
  port: {
    flag: 'port',
    value: 'NUMBER',
    what: 'Port to listen on; 0 takes any free one.',
    default: String(DEFAULT_PORT),
    schema: port.default(DEFAULT_PORT),
  },
  portSearch: {
    flag: 'port-search',
    what: 'When the port is in use, take the next free one of the following twenty.',
    default: 'false',
    schema: flag.default(false),
  },
  publicUrl: {
    flag: 'public-url',
    value: 'URL',
    what: 'Where people and Runners reach this coordinator; it is written into downloads. Absent: the address that it listens on.',
    default: '',
    schema: publicUrl.nullable().default(null),
  },
  tlsCert: {
    flag: 'tls-cert',
    value: 'FILE',
    what: 'Certificate chain in PEM. Needs tls-key.',
    default: '',
    schema: file.nullable().default(null),
  },
  tlsKey: {
    flag: 'tls-key',
    value: 'FILE',
    what: 'Private key of the certificate in PEM. Needs tls-cert.',
    default: '',
    schema: file.nullable().default(null),
  },
  tlsCa: {
    flag: 'tls-ca',
    value: 'FILE',
    what: 'Certificates of the private authorities behind tls-cert, in PEM: written into downloads and told to enrolled Runners, so that they trust it. How to change them: trust.md.',
    default: '',
    schema: file.nullable().default(null),
  },
  runnerProxy: {
    flag: 'runner-proxy',
    value: 'URL',
    what: 'Proxy through which Runners reach this coordinator, written into downloads. Absent: each host uses what its environment says.',
    default: '',
    schema: z
      .string()
      .regex(/^(?:https?|socks(?:4a?|5h?)?):\/\/[^/?#\s]+\/?$/, 'must be like http://host:port or socks5://host:port.')
      .nullable()
      .default(null),
  },
  trustedProxy: {
    flag: 'trusted-proxy',
    value: 'ADDRESSES',
    what: 'Addresses or networks, separated by commas, of a proxy in front that ends TLS. Declares that people never reach this coordinator without it.',
    default: '',
    schema: list.default([]),
  },
  sessionHours: {
    flag: 'session-hours',
    value: 'HOURS',
    what: 'How long a sign-in lasts.',
    default: '168',
    schema: z.coerce
      .number('must be a number.')
      .min(0.1, 'must be at least 0.1.')
      .max(8760, 'must be at most 8760.')
      .default(168),
  },
  agentsDir: {
    flag: 'agents-dir',
    value: 'FOLDER',
    what: 'Where the agent executables and their manifest lie.',
    default: 'dist/agents',
    schema: file.default(path.join(installed, 'agents')),
  },
  rendererDir: {
    flag: 'renderer-dir',
    value: 'FOLDER',
    what: 'Where the built console lies.',
    default: 'dist/renderer',
    schema: file.default(path.join(installed, 'renderer')),
  },
  logLevel: {
    flag: 'log-level',
    value: 'LEVEL',
    what: `One of ${LOG_LEVELS.join(', ')}.`,
    default: 'info',
    schema: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}.`).default('info'),
  },
  logFormat: {
    flag: 'log-format',
    value: 'FORMAT',
    what: '`text` for people, `json` for programs: one object a line, on standard error.',
    default: 'text',
    schema: z.enum(['text', 'json'], 'must be text or json.').default('text'),
  },
  embedded: {
    flag: 'embedded',
    what: 'It belongs to the desktop console of one person: no account `admin` is made, the owner signs in by ticket.',
    default: 'false',
    schema: flag.default(false),
  },
  readyFd: {
    flag: 'ready-fd',
    value: 'NUMBER',
    what: 'File descriptor that gets one line of JSON (`type`, `url`, `pid`) when the coordinator answers: for programs that start it.',
    default: '',
    schema: z.coerce
      .number('must be a number.')
      .int('must be a whole number.')
      .min(1, 'must be at least 1.')
      .nullable()
      .default(null),
  },
  exitWithParent: {
    flag: 'exit-with-parent',
    what: 'End when standard input is closed: for programs that start a coordinator of their own.',
    default: 'false',
    schema: flag.default(false),
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;
export type Settings = { readonly [Name in SettingName]: z.output<(typeof SETTINGS)[Name]['schema']> };

/** Name of the variable of the environment that sets it. */
export function environmentName(setting: Setting): string {
  return `OUTRUNNER_${setting.flag.toUpperCase().replaceAll('-', '_')}`;
}
