import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { AGENT_EXIT, type Identity, type RunnerConfig, RunnerConfigSchema } from '../../protocol/enrolment.ts';
import { SigningKeys } from '../testing/signing-keys.ts';
import { type ConfigFacts, type ConfigFile, chooseConfig } from './choose-config.ts';

const RUNNER = randomUUID();
const KEY = randomBytes(32).toString('base64url');
const OTHER_KEY = randomBytes(32).toString('base64url');
const token = (letter: string) => `ore_${letter.repeat(43)}`;

function file(path: string, change: Partial<RunnerConfig> = {}): ConfigFile {
  const config: RunnerConfig = {
    version: 1,
    coordinator: { url: 'https://coordinator.example', publicKey: KEY },
    runner: { id: RUNNER, name: 'Database' },
    ...change,
  };
  return { path, config, raw: { ...config, ofALaterVersion: true } };
}

const withToken = (letter: string) => ({ enrolment: { token: token(letter), expiresAt: '' } });
const identity: Identity = {
  version: 1,
  replica: 'r',
  runner: { id: RUNNER, name: 'Database' },
  coordinator: { url: 'https://coordinator.example', publicKey: KEY },
  signingKey: '',
  sealingKey: '',
  enrolledAt: '',
};
const other = { runner: { id: 'bbbb', name: 'Web' } };

function choose(facts: Partial<ConfigFacts>) {
  return chooseConfig({
    offered: null,
    installed: null,
    identity: null,
    lastEnd: null,
    isSpent: false,
    replace: false,
    ...facts,
  });
}

test('a first installation takes the package as it is, also what this version does not know', () => {
  const offered = file('package', withToken('a'));
  expect(choose({ offered })).toEqual({ raw: offered.raw, runner: offered.config.runner, identity: 'new' });
});

test('an identity that works is kept, and a token beside it is left out', () => {
  const offered = file('package', { ...withToken('b'), proxy: 'http://proxy:3128' });
  const chosen = choose({ offered, installed: file('etc'), identity });
  expect(chosen.identity).toBe('kept');
  expect(chosen.raw).toMatchObject({ proxy: 'http://proxy:3128', ofALaterVersion: true });
  expect(chosen.raw).not.toHaveProperty('enrolment');
});

test('a package without a token does not take away the one that was not used yet', () => {
  const chosen = choose({ offered: file('package'), installed: file('etc', withToken('a')) });
  expect(chosen.raw).toMatchObject(withToken('a'));
});

test('a repair needs no package', () => {
  expect(choose({ installed: file('etc'), identity }).identity).toBe('kept');
  expect(choose({ installed: file('etc', withToken('a')) }).raw).toMatchObject(withToken('a'));
});

test('an identity that was refused is renewed by a fresh token, and by no other', () => {
  const facts = { installed: file('etc'), identity, lastEnd: AGENT_EXIT.identityRefused };
  const offered = file('package', withToken('b'));
  expect(choose({ ...facts, offered })).toMatchObject({ identity: 'new', raw: withToken('b') });
  expect(() => choose({ ...facts, offered, isSpent: true })).toThrow('no enrolment token that can still be used');
  expect(() => choose(facts)).toThrow('no enrolment token that can still be used');
});

test.each<[string, Partial<ConfigFacts>]>([
  ['the configuration that is there', { installed: file('etc') }],
  ['the identity that is there', { identity }],
])('another Runner than %s is refused, and takes its place when that is wanted', (_what, facts) => {
  const offered = file('package', { ...other, ...withToken('b') });
  expect(() => choose({ ...facts, offered })).toThrow(
    expect.objectContaining({ exitCode: AGENT_EXIT.serviceRefused }) as Error,
  );
  expect(choose({ ...facts, offered, replace: true })).toMatchObject({ identity: 'dropped', raw: withToken('b') });
  expect(() => choose({ ...facts, offered: file('package', other), replace: true })).toThrow(
    'no enrolment token that can still be used',
  );
});

test('the same Runner of a coordinator with another key is refused, with another address it is not', () => {
  const facts = { installed: file('etc'), identity };
  const moved = file('package', { coordinator: { url: 'https://moved.example', publicKey: KEY } });
  expect(choose({ ...facts, offered: moved }).raw).toMatchObject({ coordinator: { url: 'https://moved.example' } });
  const foreign = file('package', { coordinator: { url: 'https://coordinator.example', publicKey: OTHER_KEY } });
  expect(() => choose({ ...facts, offered: foreign })).toThrow('of another coordinator key than');
});

test('a package with an earlier or a later key of the same coordinator is of the same, and never takes the later one away', () => {
  const chain = new SigningKeys();
  const [first, second] = [chain.newest, chain.rotate()];
  const url = 'https://coordinator.example';
  const old = file('old package', { coordinator: { url, publicKey: first } });
  const late = file('late package', { coordinator: { url, publicKey: second, succession: [...chain.succession] } });
  const ofOld = { ...identity, coordinator: { url, publicKey: first } };
  const ofLate = { ...identity, coordinator: { url, publicKey: second } };
  const keyOf = (facts: Partial<ConfigFacts>) => RunnerConfigSchema.parse(choose(facts).raw).coordinator.publicKey;
  expect(keyOf({ offered: late, installed: old, identity: ofOld })).toBe(second);
  expect(keyOf({ offered: old, installed: late, identity: ofLate })).toBe(second);
  expect(keyOf({ offered: { ...old, raw: { ...old.raw, ...withToken('b') } }, installed: late })).toBe(second);
  const learned = { keys: [second], former: [first], serial: 3, authorities: null };
  expect(choose({ offered: old, identity: { ...ofLate, trust: learned } }).identity).toBe('kept');
  // A later key that nobody has named is a stranger's.
  const unnamed = file('package', { coordinator: { url, publicKey: second } });
  expect(() => choose({ offered: unnamed, installed: old, identity: ofOld })).toThrow(
    'of another coordinator key than',
  );
});
