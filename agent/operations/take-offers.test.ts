import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../protocol/clock.ts';
import type { Identity } from '../../protocol/enrolment.ts';
import { signatureVerifier } from '../config/key-pair.ts';
import { createLog } from '../log.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testCoordinator } from '../testing/test-agent.ts';
import type { HeldOperation } from './held-operation.ts';
import { OfferDesk } from './take-offers.ts';

/** A desk in front of a table that holds nothing but what `facts` say, and never takes more than `maximum`. */
async function ready(facts: { running: number; maximum: number }) {
  const coordinator = await testCoordinator();
  const clock = systemClock();
  const root = await temporaryFolder();
  const { runner, coordinator: trusted } = coordinator.config();
  const taken: HeldOperation[] = [];
  const fail = (why: unknown) => {
    throw new Error(JSON.stringify(why));
  };
  const operations = [1, 2].map(() => coordinator.makeOperation([{ type: 'command', command: 'true' }]));
  const [{ operation } = fail('none')] = operations;
  const desk = new OfferDesk(
    {
      clock,
      log: createLog('plain', clock, () => undefined),
      identity: { version: 1, replica: operation.replica, runner, coordinator: trusted } as Identity,
      isSigned: signatureVerifier(trusted.publicKey),
      root,
      diskProblem: () => null,
      onDiskTrouble: fail,
      say: fail,
      spoolOptions: () => ({ clock, onWritten: () => undefined, onTrouble: fail }),
    },
    {
      ...facts,
      queued: 0,
      notTaking: null,
      isKnown: () => false,
      latest: () => undefined,
      giveUp: () => undefined,
      takeUp: (held) => void taken.push(held),
    },
  );
  const offer = (index: number) => {
    const made = operations[index] ?? fail(index);
    desk.offer(made.payload, made.signature, clock.now());
    return made.operation;
  };
  return { desk, root, taken, offer };
}

test('what is being written down is among what a new session hears of, until it is taken up', async () => {
  const { desk, root, taken, offer } = await ready({ running: 0, maximum: 1 });
  const { operation } = offer(0);
  expect(desk.pendingFacts()).toEqual([{ operation, attempt: 1, first: 0, next: 0, finished: false, returned: false }]);
  await expect.poll(() => taken).toHaveLength(1);
  expect(desk.pendingFacts()).toEqual([]);
  expect(await readdir(root)).toHaveLength(1);
  await taken[0]?.spool.close();
});

test('what is being written down counts as load once: the last free slot goes to the first that came', async () => {
  const { taken, offer } = await ready({ running: 1, maximum: 2 });
  offer(0);
  offer(1);
  await expect.poll(() => taken).toHaveLength(2);
  // The second has to wait, and so has to be durable as begun before it begins.
  expect(taken.map(({ waited }) => waited)).toEqual([false, true]);
  for (const { spool } of taken) await spool.close();
});
