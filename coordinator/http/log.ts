import { Writable } from 'node:stream';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { z } from 'zod';
import type { Clock } from '../../protocol/clock.ts';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Names of fields whose values are never written, at the top of a log record or one level below. */
const SECRET_FIELDS = [
  'password',
  'sudoPassword',
  'privateKey',
  'passphrase',
  'token',
  'ticket',
  'secret',
  'authorization',
  'cookie',
  'csrf',
  'setCookie',
];

export interface LogOptions {
  readonly level: LogLevel;
  /** `json`: one object a line. `text`: for people. */
  readonly format: 'json' | 'text';
  readonly clock: Clock;
  /** Where to; standard error by default, so that standard output stays for the ready line. */
  readonly to?: DestinationStream;
}

/** The structured log. What could be a secret is cut out by name, wherever it stands. */
export function openLog(options: LogOptions): { log: Logger; flush(): void } {
  const file = options.to === undefined ? destination({ dest: 2, sync: false }) : null;
  const sink: DestinationStream = options.to ?? (file as DestinationStream);
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(options.clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    options.format === 'json' ? sink : asText(sink),
  );
  return { log, flush: () => file?.flushSync() };
}

function asText(sink: DestinationStream): DestinationStream {
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      sink.write(textLine(line));
      done();
    },
  });
}

const RecordSchema = z.record(z.string(), z.unknown());

function textLine(line: string): string {
  const { time, level, msg, ...rest } = RecordSchema.parse(JSON.parse(line));
  const details = Object.entries(rest).map(([name, value]) => `${name}=${detail(value)}`);
  return `${String(time)} ${String(level).padEnd(5)} ${[String(msg ?? ''), ...details].join(' ')}\n`;
}

function detail(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'stack' in value) return `\n  ${String(value.stack)}`;
  return typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value);
}
