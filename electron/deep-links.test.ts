import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addressOf, deepLinkOfArguments, parseDeepLink } from './deep-links.ts';
import { isOwnUrl } from './own-url.ts';

const ID = '7c9e6679-7425-40de-944b-e07fc1f90ae7';

it('reads the places that a link may open', () => {
  expect(parseDeepLink(`outrunner://runner/${ID}`)).toEqual({ open: 'runner', id: ID });
  expect(parseDeepLink(`outrunner://execution/${ID.toUpperCase()}/`)).toEqual({ open: 'execution', id: ID });
  expect(parseDeepLink('outrunner://')).toEqual({ open: 'home' });
});

it('refuses what would act, lead elsewhere or hide something', () => {
  for (const text of [
    `outrunner://runner/${ID}?delete=1`,
    `outrunner://runner/${ID}#x`,
    `outrunner://runner/../${ID}`,
    `outrunner://run/${ID}`,
    `outrunner://job/${ID}`,
    `outrunner://constructor/${ID}`,
    'outrunner://runner/1',
    `https://outrunner/${ID}`,
    `outrunner:runner/${ID}`,
    '',
  ]) {
    expect(parseDeepLink(text), text).toBeUndefined();
  }
});

it('finds the link among the arguments of a start', () => {
  expect(deepLinkOfArguments(['/usr/bin/outrunner', '--flag', `outrunner://runner/${ID}`])).toMatchObject({ id: ID });
  expect(deepLinkOfArguments(['/usr/bin/outrunner', `--x=outrunner://runner/${ID}`])).toBeUndefined();
});

it('whatever the text is, it opens a page of the console or nothing', () => {
  const near = fc.tuple(
    fc.constantFrom('outrunner://', 'outrunner:', 'OUTRUNNER://'),
    fc.string(),
    fc.constantFrom('', ID),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        near.map((parts) => parts.join('')),
      ),
      (text) => {
        const link = parseDeepLink(text);
        if (link) expect(isOwnUrl(addressOf(link))).toBe(true);
      },
    ),
  );
});
