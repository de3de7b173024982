import { OutrunnerError } from '../protocol/problems.ts';

/**
 * Opens a link of the page in the system's browser. Only `https:` leaves the console: other schemes start programs.
 * @throws OutrunnerError `invalid-input` when the link is no https URL, or carries a name and password.
 */
export async function openExternalLink(url: string, open: (url: string) => Promise<void>): Promise<void> {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.protocol !== 'https:' || parsed.username !== '' || parsed.password !== '') {
    throw new OutrunnerError('invalid-input', {
      detail: 'Only plain https links can be opened.',
      fields: [{ path: 'url', message: 'This must be a link that starts with https://.' }],
    });
  }
  await open(parsed.href);
}
