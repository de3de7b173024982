import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';
import { generatePassword, hashPassword, isPassword } from './password.ts';

describe('passwords', () => {
  it('are kept so that only the same password fits, in whatever Unicode form it is typed', async () => {
    const stored = await hashPassword('Grün 1');
    expect(stored).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$[\w-]{22}\$[\w-]{43}$/);
    expect(await isPassword('Gru\u0308n 1', stored)).toBe(true);
    expect(await isPassword('grün 1', stored)).toBe(false);
    expect(await isPassword('', stored)).toBe(false);
    expect(await isPassword('anything', null)).toBe(false);
    expect(await hashPassword('Grün 1')).not.toBe(stored);
  });

  it('that are generated differ, and can be read aloud', () => {
    const made = new Set(Array.from({ length: 200 }, generatePassword));
    expect(made.size).toBe(200);
    for (const one of made) expect(one).toMatch(/^([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}$/);
  });
});

describe('signing in', () => {
  let whole: WholeCoordinator;
  let password: string;
  beforeAll(async () => {
    whole = await startWhole({ settings: { embedded: false } });
    password = (await whole.coordinator.adminPassword) ?? '';
  });
  afterAll(() => whole.stop());

  const signIn = (body: object) => whole.request('POST', '/api/v1/session', { token: null, body });

  it('takes the name without regard to case and the exact password', async () => {
    expect(await signIn({ name: ' ADMIN ', password, carrier: 'bearer' })).toMatchObject({
      status: 200,
      body: { user: { name: 'admin' } },
    });
    expect(await signIn({ name: 'admin', password: `${password} ` })).toMatchObject({
      status: 401,
      body: { code: 'sign-in-refused' },
    });
  });

  it('says the same of a wrong password, an unknown name, and an account without a password', async () => {
    const answers: Answer['body'][] = [];
    for (const name of ['admin', 'nobody', 'owner']) answers.push((await signIn({ name, password: 'wrong' })).body);
    for (const body of answers) expect({ ...body, requestId: '' }).toEqual({ ...answers[0], requestId: '' });
    expect(answers[0].code).toBe('sign-in-refused');
  });

  it('slows down who guesses, says how long, and lets go with time', async () => {
    let refused: Answer | null = null;
    for (let guess = 0; guess < 15 && refused === null; guess++) {
      const answer = await signIn({ name: `guess-${guess}`, password: 'wrong' });
      if (answer.status === 429) refused = answer;
    }
    expect(refused).toMatchObject({ status: 429, body: { code: 'too-many-requests' } });
    const seconds = Number(refused?.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    // The right password has to wait too: else a guesser would learn from the answer.
    expect((await signIn({ name: 'admin', password })).status).toBe(429);
    whole.clock.advance(seconds * 1000);
    expect((await signIn({ name: 'admin', password })).status).toBe(200);
    // The owner's ticket is not in the way of guessers, nor they in its.
    expect((await signIn({ ticket: whole.coordinator.ownerTicket })).status).toBe(200);
  });

  it('takes a one-time link once, within five minutes, for the account that made it', async () => {
    const link = async () => (await whole.call('createSignInLink')).body.ticket as string;
    const ticket = await link();
    expect(await signIn({ ticket })).toMatchObject({ status: 200, body: { user: { name: 'owner' } } });
    expect(await signIn({ ticket })).toMatchObject({ status: 401, body: { code: 'sign-in-refused' } });
    const last = await link();
    whole.clock.jump(5 * 60_000 - 1);
    expect((await signIn({ ticket: last })).status).toBe(200);
    const late = await link();
    whole.clock.jump(5 * 60_000);
    expect((await signIn({ ticket: late })).status).toBe(401);
  });

  it('lets two who use one link at the same time in once', async () => {
    const { ticket } = (await whole.call('createSignInLink')).body;
    const answers = await Promise.all([signIn({ ticket }), signIn({ ticket }), signIn({ ticket })]);
    expect(answers.map((one) => one.status).sort()).toEqual([200, 401, 401]);
  });

  it('keeps no secret in the database in a form that could be used', async () => {
    const made = (await whole.call('createToken', { body: { name: 'x' }, headers: { 'idempotency-key': 'k-1' } })).body;
    const { ticket } = (await whole.call('createSignInLink')).body;
    const runner = await whole.call('createRunner', {
      body: { name: 'r', description: 'd', tags: ['a'] },
      headers: { 'idempotency-key': 'k-2' },
    });
    const database = new DatabaseSync(join(whole.folder, 'outrunner.db'));
    database.exec('pragma wal_checkpoint(truncate)');
    database.close();
    const bytes = readFileSync(join(whole.folder, 'outrunner.db')).toString('latin1');
    const secrets = [
      made.secret,
      ticket,
      whole.token,
      password,
      whole.coordinator.ownerTicket,
      runner.body.enrolment.token,
    ];
    for (const secret of secrets) expect(bytes.includes(secret)).toBe(false);
    expect(bytes).toContain(made.token.hint);
  });

  it('shows when a token was last used, a minute later at the latest', async () => {
    const made = (await whole.call('createToken', { body: { name: 'used' } })).body;
    await whole.call('me', { token: made.secret });
    whole.clock.advance(60_000);
    await whole.call('createSignInLink');
    const tokens = (await whole.call('listTokens')).body.items;
    expect(tokens.find((one: { id: string }) => one.id === made.token.id).lastUsedAt).not.toBeNull();
  });
});
