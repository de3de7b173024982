import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { privateCertificate } from '../testing/certificate.ts';
import { droppedAuthorities, keepAuthorities, ownAuthorities, readCertificates, subjectsOf } from './authorities.ts';

const DAMAGED = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** Three authorities, by their place. */
async function authorities(): Promise<(at: number) => string> {
  const made = await Promise.all([1, 2, 3].map(() => privateCertificate('localhost')));
  const pems = made.flatMap(({ ca }) => readCertificates(ca).sound);
  return (at) => pems[at] ?? '';
}

const coordinator = (authoritiesSha256?: string) => ({
  url: 'https://c.example',
  publicKey: '',
  ...(authoritiesSha256 === undefined ? {} : { authoritiesSha256 }),
});
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('which authorities are trusted', () => {
  it('those of the package, until the coordinator announces others in their place', async () => {
    const pem = await authorities();
    const config = { ca: pem(0), coordinator: coordinator(sha256(pem(0))) };
    expect(ownAuthorities(config, { serial: 0, authorities: null })).toEqual([pem(0)]);
    expect(ownAuthorities(config, { serial: 1, authorities: pem(1) })).toEqual([pem(1)]);
    expect(ownAuthorities(config, { serial: 1, authorities: null })).toEqual([]);
  });

  it('one that the owner of the host has given stays, whatever is announced', async () => {
    const pem = await authorities();
    for (const sum of [undefined, sha256(pem(1))]) {
      const config = { ca: pem(0), coordinator: coordinator(sum) };
      expect(ownAuthorities(config, { serial: 1, authorities: pem(1) })).toEqual([pem(0), pem(1)]);
      expect(ownAuthorities(config, { serial: 1, authorities: null })).toEqual([pem(0)]);
    }
  });

  it('what is announced and cannot be read is left out, and counted', async () => {
    const pem = await authorities();
    expect(readCertificates(`${pem(0)}\n${DAMAGED}${pem(1)}`)).toEqual({ sound: [pem(0), pem(1)], damaged: 1 });
    expect(subjectsOf(`${DAMAGED}${pem(0)}`)).toEqual(['O=Test, CN=Private authority']);
  });
});

it('nothing is lost between two announcements: what was trusted is either trusted still, or dropped and kept', async () => {
  const pem = await authorities();
  const some = fc.uniqueArray(fc.nat(2), { maxLength: 3 }).map((at) => () => at.map(pem));
  fc.assert(
    fc.property(some, some, some, (before, after, kept) => {
      const dropped = droppedAuthorities(before(), after());
      const keeps = keepAuthorities(dropped, droppedAuthorities(kept(), after()));
      expect(new Set([...after(), ...keeps])).toEqual(new Set([...before(), ...after(), ...kept()]));
      expect(keeps.filter((one) => after().includes(one))).toEqual([]);
    }),
  );
});

it('what is kept has a bound, and the latest goes before', () => {
  const large = Array.from({ length: 200 }, (_, at) => `${at}`.padEnd(1_000, '.'));
  const kept = keepAuthorities(large.slice(100), large.slice(0, 100));
  expect(kept).toEqual(large.slice(100, 199));
});
