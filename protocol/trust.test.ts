import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  followKeys,
  type HeldTrust,
  isKnownKey,
  type KeyLink,
  keyLinkText,
  type TrustAnnouncement,
  type TrustStatement,
  trustSigningText,
  weighTrust,
} from './trust.ts';

interface Key {
  readonly text: string;
  readonly secret: KeyObject;
}

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

function makeKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { secret: privateKey, text: publicKey.export({ format: 'jwk' }).x as string };
}

function signed(key: Key, text: string): string {
  return sign(null, Buffer.from(text), key.secret).toString('base64url');
}

function isSigned(publicKey: string, text: string, signature: string): boolean {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
}

function link(from: Key, to: Key, signers: [Key, Key] = [from, to]): KeyLink {
  const unsigned = { from: from.text, to: to.text, at: 5 };
  const text = keyLinkText(unsigned);
  return { ...unsigned, signatures: { from: signed(signers[0], text), to: signed(signers[1], text) } };
}

function announce(key: Key, succession: KeyLink[], said: Partial<TrustStatement> = {}): TrustAnnouncement {
  const statement = JSON.stringify({ serial: 10, keys: [key.text], authorities: null, ...said });
  return { succession, statement, signature: signed(key, trustSigningText(statement)) };
}

const held = (...keys: Key[]): HeldTrust => ({
  keys: keys.map((key) => key.text),
  former: [],
  serial: 0,
  authorities: null,
});

const [one, two, three, other] = [makeKey(), makeKey(), makeKey(), makeKey()];

describe('a new key', () => {
  it('is believed when the one before it names it, and both are kept while both are in use', () => {
    const announced = announce(two, [link(one, two)], { keys: [two.text, one.text], authorities: PEM });
    expect(weighTrust(held(one), announced, isSigned)).toEqual({
      kind: 'changed',
      held: { keys: [two.text, one.text], former: [], serial: 10, authorities: PEM },
    });
  });

  it('is reached over any number of keys in between, by who was away for all of them', () => {
    const announced = announce(three, [link(other, one), link(one, two), link(two, three)]);
    expect(weighTrust(held(one), announced, isSigned)).toEqual({
      kind: 'changed',
      held: { keys: [three.text], former: [two.text, one.text], serial: 10, authorities: null },
    });
  });

  it('takes the old one away when the overlap ends; that it was the coordinator once is still known', () => {
    const before = { ...held(two, one), serial: 9 };
    const outcome = weighTrust(before, announce(two, [link(one, two)]), isSigned);
    expect(outcome).toMatchObject({ kind: 'changed', held: { keys: [two.text], former: [one.text] } });
    if (outcome.kind !== 'changed') return;
    expect(isKnownKey(outcome.held, one.text)).toBe(true);
    expect(isKnownKey(outcome.held, other.text)).toBe(false);
    expect(weighTrust(outcome.held, announce(two, [link(one, two)]), isSigned)).toEqual({ kind: 'unchanged' });
  });

  it('does not bring a key along that nobody named', () => {
    const announced = announce(two, [link(one, two)], { keys: [two.text, other.text] });
    expect(weighTrust(held(one), announced, isSigned)).toMatchObject({
      held: { keys: [two.text], former: [one.text] },
    });
    // Who got the newest key with its download has no use for the one before.
    expect(
      weighTrust(held(two), announce(two, [link(one, two)], { keys: [two.text, one.text] }), isSigned),
    ).toMatchObject({
      held: { keys: [two.text] },
    });
  });
});

describe('an announcement is ignored', () => {
  it.each([
    ['when a stranger signs it', held(one), announce(other, [])],
    ['when a stranger names the new key', held(one), announce(two, [link(one, two, [other, two])])],
    ['when the new key does not agree', held(one), announce(two, [link(one, two, [one, other])])],
    ['when a key that has a successor says what holds', held(two, one), announce(one, [], { serial: 99 })],
    ['when a key that has a successor names another', held(two, one), announce(other, [link(one, other)])],
    ['when it names another key as the newest', held(one), announce(one, [], { keys: [two.text, one.text] })],
    ['when it is older', { ...held(one), serial: 11 }, announce(one, [])],
    ['when it is of a form that is not known', held(one), announce(one, [], { serial: 0 })],
    [
      'when its text was changed',
      held(one),
      { ...announce(one, []), statement: announce(one, [], { serial: 11 }).statement },
    ],
  ])('%s', (_, before, announced) => {
    expect(weighTrust(before, announced, isSigned)).toMatchObject({ kind: 'ignored' });
  });
});

it('links in any order, of other chains and in circles lead to no key that was not named step by step', () => {
  const keys = [one, two, three, other];
  const place = fc.nat(keys.length - 1);
  fc.assert(
    fc.property(fc.array(fc.tuple(place, place), { maxLength: 8 }), place, (pairs, start) => {
      const links = pairs.map(([from, to]) => link(keys[from] as Key, keys[to] as Key));
      const way = followKeys((keys[start] as Key).text, links, isSigned);
      expect(new Set(way).size).toBe(way.length);
      for (const [at, key] of way.entries()) {
        if (at > 0) expect(links.some((one) => one.from === way[at - 1] && one.to === key)).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});
