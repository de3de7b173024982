import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { manualClock } from '../protocol/clock.ts';
import { createShellLog, redact } from './shell-log.ts';

it('hides what could open a door, wherever it stands', () => {
  const secret = 'S3cretS3cretS3cretS3cret';
  for (const text of [
    `authorization: Bearer ${secret}`,
    `ore_${secret}`,
    `http://127.0.0.1:4440/#ticket=${secret}`,
    `{"token":"${secret}"}`,
    `{"password": "${secret}", "x": 1}`,
  ]) {
    expect(redact(text), text).not.toContain(secret);
    expect(redact(text)).toContain('[hidden]');
  }
  expect(redact('one\r\ntwo')).toBe('one ⏎ two');
  expect(redact('a plain line about tokens')).toBe('a plain line about tokens');
});

it('writes lines with their time, starts anew when the file is large, and survives a folder that cannot be written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'outrunner-log-'));
  try {
    const path = join(folder, 'logs', 'shell.log');
    const echoed: string[] = [];
    const log = createShellLog(path, manualClock(0), (line) => void echoed.push(line));
    log('hello');
    expect(await readFile(path, 'utf8')).toBe('1970-01-01T00:00:00.000Z hello\n');
    await writeFile(path, Buffer.alloc(3 * 1024 * 1024));
    log('again');
    expect(await readFile(path, 'utf8')).toContain('again');
    expect((await stat(`${path}.1`)).size).toBe(3 * 1024 * 1024);
    createShellLog(join(path, 'below-a-file.log'), manualClock(0), (line) => void echoed.push(line))('lost');
    expect(echoed.at(-1)).toContain('cannot be written');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
