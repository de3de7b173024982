import type { Clock } from '../protocol/clock.ts';

export type LogFormat = 'plain' | 'json';
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** What the agent says about itself, on stderr. Never holds output of steps, tokens or keys. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** One line per event: `2026-11-23T20:15:00.000Z INFO  text key=value`, or one JSON object per line. */
export function createLog(format: LogFormat, clock: Clock, write: (line: string) => void): Log {
  const say = (level: 'info' | 'warn' | 'error', message: string, fields: LogFields = {}) => {
    const time = new Date(clock.now()).toISOString();
    if (format === 'json') {
      write(`${JSON.stringify({ time, level, message, ...fields })}\n`);
      return;
    }
    const rest = Object.entries(fields)
      .map(
        ([key, value]) => ` ${key}=${typeof value === 'string' && /[\s"]/.test(value) ? JSON.stringify(value) : value}`,
      )
      .join('');
    write(`${time} ${level.toUpperCase().padEnd(5)} ${message.replace(/[\r\n]+/g, ' ')}${rest}\n`);
  };
  return {
    info: (message, fields) => say('info', message, fields),
    warn: (message, fields) => say('warn', message, fields),
    error: (message, fields) => say('error', message, fields),
  };
}
