import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../protocol/clock.ts';
import type { Identity } from '../../protocol/enrolment.ts';
import { createLog } from '../log.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testCoordinator } from '../testing/test-agent.ts';
import type { HeldOperation } from './held-operation.ts';
import { OfferDesk } from './take-offers.ts';

test('what is being written down is among what a new session hears of, until it is taken up', async () => {
  const coordinator = await testCoordinator();
  const { operation, payload, signature } = coordinator.makeOperation([{ type: 'command', command: 'true' }]);
  const clock = systemClock();
  const root = await temporaryFolder();
  const { runner, coordinator: trusted } = coordinator.config();
  const taken = Promise.withResolvers<HeldOperation>();
  const desk = new OfferDesk(
    {
      clock,
      log: createLog('plain', clock, () => undefined),
      identity: { version: 1, replica: operation.replica, runner, coordinator: trusted } as Identity,
      root,
      diskProblem: () => null,
      onDiskTrouble: (code) => taken.reject(new Error(code)),
      say: (message) => taken.reject(new Error(JSON.stringify(message))),
      spoolOptions: () => ({ clock, onWritten: () => undefined, onTrouble: () => undefined }),
    },
    {
      running: 0,
      queued: 0,
      maximum: 1,
      isStopping: false,
      isKnown: () => false,
      latest: () => undefined,
      giveUp: () => undefined,
      takeUp: taken.resolve,
    },
  );
  desk.offer(payload, signature, clock.now());
  expect(desk.pendingFacts()).toEqual([
    { operation: operation.operation, attempt: 1, first: 0, next: 0, finished: false, returned: false },
  ]);
  const held = await taken.promise;
  expect(desk.pendingFacts()).toEqual([]);
  expect(await readdir(root)).toHaveLength(1);
  await held.spool.close();
});
