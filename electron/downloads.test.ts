import { expect, it } from 'vitest';
import { systemClock } from '../protocol/clock.ts';
import { createDownloads } from './downloads.ts';

const RUNNER = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const REQUEST = { download: 'd1', runner: RUNNER, platform: 'linux-x64', format: 'tar.gz' } as const;

function downloadsTo(fetch: () => Promise<Response>) {
  const shown: string[] = [];
  const downloads = createDownloads({
    caller: { fetch, clock: systemClock() },
    trustedKey: null,
    target: async () => ({ url: 'http://127.0.0.1:1', token: 't' }),
    chooseFile: async () => null,
    progress: () => undefined,
    showInFolder: (path) => void shown.push(path),
  });
  return { downloads, shown };
}

it('runs each download once, and lets it be started again when it has ended', async () => {
  const answer = Promise.withResolvers<Response>();
  const { downloads } = downloadsTo(() => answer.promise);
  const first = downloads.start(REQUEST);
  await expect(downloads.start(REQUEST)).rejects.toMatchObject({ code: 'conflict' });
  answer.reject(new Error('offline'));
  await expect(first).rejects.toMatchObject({ code: 'coordinator-unreachable' });
  await expect(downloads.start(REQUEST)).rejects.toMatchObject({ code: 'coordinator-unreachable' });
});

it('shows nothing that it has not saved, and cancels nothing that does not run', () => {
  const { downloads, shown } = downloadsTo(() => Promise.reject(new Error('offline')));
  expect(() => downloads.show('../../etc/passwd')).toThrow(expect.objectContaining({ code: 'not-found' }));
  downloads.cancel('unknown');
  expect(shown).toEqual([]);
});
