import { expect, it } from 'vitest';
import { openExternalLink } from './external-links.ts';

async function opened(url: string): Promise<string[]> {
  const seen: string[] = [];
  await openExternalLink(url, async (href) => void seen.push(href));
  return seen;
}

it('opens an https link', async () => {
  expect(await opened('https://example.com/a?b=c')).toEqual(['https://example.com/a?b=c']);
});

it('opens nothing that could start a program, read a file or hide a password', async () => {
  for (const url of [
    'http://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'ms-msdt:/id',
    'outrunner://runner/1',
    'https://user:secret@example.com/',
    ' ',
    'example.com',
  ]) {
    await expect(opened(url), url).rejects.toMatchObject({ code: 'invalid-input', fields: [{ path: 'url' }] });
  }
});
