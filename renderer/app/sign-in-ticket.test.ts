import { expect, test, vi } from 'vitest';
import { takeTicket } from './sign-in-ticket.ts';

test('the ticket is not lost although the address follows at once, as in a browser', () => {
  const place = { hash: '#ticket=abc', pathname: '/', search: '' };
  const replaceState = () => {
    place.hash = '';
  };
  expect(takeTicket(place, { replaceState })).toBe('abc');
});

test('a ticket in the fragment is taken and leaves the address', () => {
  const replaceState = vi.fn();
  const place = { hash: '#ticket=abc%2Bdef', pathname: '/runners', search: '?status=Down' };
  expect(takeTicket(place, { replaceState })).toBe('abc+def');
  expect(replaceState).toHaveBeenCalledExactlyOnceWith(null, '', '/runners?status=Down');
});

test.each(['', '#', '#other', '#tickets=1'])('the fragment “%s” is none and stays', (hash) => {
  const replaceState = vi.fn();
  expect(takeTicket({ hash, pathname: '/', search: '' }, { replaceState })).toBeNull();
  expect(replaceState).not.toHaveBeenCalled();
});
