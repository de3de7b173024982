import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { given, hired, movedTo, untilCounts } from '../testing/hired-agent.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
let child: ChildProcess | null = null;
beforeEach(async () => {
  whole = await startWhole();
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await whole.stop();
});

/** The coordinator as a process of its own, on the folder of the one that was stopped. Resolves with where it answers. */
async function startProcess(): Promise<string> {
  const args = ['--data-dir', whole.folder, '--port', '0', '--log-level', 'error', '--embedded'];
  child = spawn(process.execPath, [join(import.meta.dirname, '..', 'main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const out = child.stdout;
  if (out === null) throw new Error('Its output is a pipe.');
  for await (const chunk of out.iterator({ destroyOnReturn: false })) {
    const url = /https?:\/\/\S+/.exec(String(chunk))?.[0];
    if (url !== undefined) return url;
  }
  throw new Error('It ended without an address.');
}

async function signIn(url: string): Promise<string> {
  const ticket = (await readFile(join(whole.folder, 'owner.ticket'), 'utf8')).trim();
  const answer = await fetch(`${url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ticket, carrier: 'bearer' }),
  });
  return z.object({ token: z.string() }).parse(await answer.json()).token;
}

/** Kills the process when the `nth` change in the folder of the keys is seen after the call was sent, or it is answered. */
async function killDuring(call: () => Promise<unknown>, nth: number): Promise<void> {
  const victim = child;
  if (victim === null) throw new Error('There is no process.');
  const gone = once(victim, 'exit');
  let seen = 0;
  const watching = watch(join(whole.folder, 'keys'), () => {
    seen += 1;
    if (seen >= nth) victim.kill('SIGKILL');
  });
  await call().catch(() => undefined);
  victim.kill('SIGKILL');
  await gone;
  watching.close();
}

it('a coordinator that is killed in a rotation or a retirement goes on with what was, or with what is', {
  timeout: 120_000,
}, async () => {
  const first = await hired(whole, 'agent');
  await first.connect();
  first.kill();
  await untilCounts(whole, { total: 1 });
  let agent = first;
  // Both changes, each killed at several places: as soon as a file stirs, a little later, and after the answer.
  for (const [step, nth] of [
    ['rotate', 1],
    ['rotate', 3],
    ['retire', 1],
    ['retire', 4],
    ['rotate', 99],
    ['retire', 99],
  ] as const) {
    const before = (await whole.call('getTrust')).body;
    await whole.coordinator.stop();
    const url = await startProcess();
    const headers = { authorization: `Bearer ${await signIn(url)}`, 'content-type': 'application/json' };
    const body = step === 'retire' ? '{}' : null;
    await killDuring(() => fetch(`${url}/api/v1/system/trust/${step}`, { method: 'POST', headers, body }), nth);
    whole = await startWhole({ folder: whole.folder, clock: whole.clock });
    const after = (await whole.call('getTrust')).body;
    const { statement } = (await whole.request('GET', '/runner/v1/trust', { token: null })).body;
    const keys = [after.key.publicKey, ...(after.previousKey === null ? [] : [after.previousKey.publicKey])];
    expect(JSON.parse(statement).keys).toEqual(keys);
    const hasChanged = after.key.publicKey !== before.key.publicKey;
    if (hasChanged) expect([step, after.previousKey.publicKey]).toEqual(['rotate', before.key.publicKey]);
    agent = movedTo(whole, agent);
    await agent.connect();
    await given(whole, agent);
    expect(agent.trust?.keys[0]).toBe(after.key.publicKey);
    await untilCounts(whole, { current: 1 });
    agent.kill();
  }
});
