import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Identity } from '../../protocol/enrolment.ts';
import { SigningKeys } from '../testing/signing-keys.ts';
import { beginTrust, isEarlierKey, isSameCoordinator, trustOfConfig } from './begin-trust.ts';

const url = 'https://coordinator.example';
const chain = new SigningKeys();
const keys = [chain.newest, chain.rotate(), chain.rotate(), chain.rotate()];
const key = (at: number) => keys[at] ?? '';
const pin = (at: number, links = at) => ({ url, publicKey: key(at), succession: chain.succession.slice(0, links) });
const held = (...at: number[]) => ({ keys: at.map(key), former: [], serial: 7, authorities: null });
const identityWith = (trust: Identity['trust'], publicKey: string) =>
  ({ coordinator: { url, publicKey }, ...(trust === undefined ? {} : { trust }) }) as Identity;

test('any two packages of one coordinator know each other, whichever came first, and a stranger is not among them', () => {
  const at = fc.nat(keys.length - 1);
  fc.assert(
    fc.property(at, at, (one, two) => {
      expect(isSameCoordinator(trustOfConfig(pin(one)), pin(two))).toBe(true);
      expect(isEarlierKey(pin(one), pin(two))).toBe(one < two);
      const stranger = new SigningKeys();
      const before = stranger.newest;
      stranger.rotate();
      const forged = { url, publicKey: stranger.newest, succession: [...chain.succession, ...stranger.succession] };
      expect(isSameCoordinator(trustOfConfig(pin(one)), forged)).toBe(false);
      expect(isSameCoordinator(trustOfConfig(pin(one)), { publicKey: before })).toBe(false);
      expect(isEarlierKey(pin(one), forged)).toBe(false);
    }),
  );
});

test('a package that came before what was learned here takes nothing of it away', () => {
  const learned = { ...held(2), former: [key(1), key(0)] };
  for (const at of [0, 1, 2, 3]) {
    expect(beginTrust({ coordinator: pin(at) }, identityWith(learned, key(2))).held).toEqual(learned);
  }
});

test('a package of another coordinator begins anew', () => {
  const other = { url, publicKey: new SigningKeys().newest };
  expect(beginTrust({ coordinator: other }, identityWith(held(0), key(0)))).toEqual({
    held: { keys: [other.publicKey], former: [], serial: 0, authorities: null },
    kept: null,
  });
});

test('an identity of before keys could be replaced believes the key that it pins', () => {
  expect(beginTrust({ coordinator: pin(0) }, identityWith(undefined, key(0))).held).toEqual({
    keys: [key(0)],
    former: [],
    serial: 0,
    authorities: null,
  });
});
