import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { isTicketFor, releaseTicket } from './release-download.ts';

test('a ticket is good for its platform, for a day, and only as it was made', () => {
  const secret = randomBytes(32);
  const now = 1_800_000_000_000;
  const ticket = releaseTicket(secret, 'a-replica', 'linux-x64', now);
  const day = 24 * 3_600_000;
  expect(isTicketFor(secret, ticket, 'linux-x64', now)).toBe(true);
  expect(isTicketFor(secret, ticket, 'linux-x64', now + day - 1)).toBe(true);
  expect(isTicketFor(secret, ticket, 'linux-x64', now + day)).toBe(false);
  expect(isTicketFor(secret, ticket, 'win-x64', now)).toBe(false);
  expect(isTicketFor(randomBytes(32), ticket, 'linux-x64', now)).toBe(false);
  const [replica, platform, until, proof] = ticket.split('.');
  const longer = `${replica}.${platform}.${Number(until) + day}.${proof}`;
  for (const forged of ['', '....', longer, ticket.slice(0, -1), ticket.replace('linux-x64', 'win-x64')]) {
    expect(isTicketFor(secret, forged, 'linux-x64', now), forged).toBe(false);
    expect(isTicketFor(secret, forged, 'win-x64', now), forged).toBe(false);
  }
});
