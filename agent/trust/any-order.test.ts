import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RunnerConfig } from '../../protocol/enrolment.ts';
import { privateCertificate } from '../testing/certificate.ts';
import { type TestAgent, testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

const STEPS = [
  'rotate',
  'retire',
  'announce 0',
  'announce 1',
  'announce both',
  'announce none',
  'certificate 0',
  'certificate 1',
  'cut',
  'restart',
  'stop',
] as const;

test('whatever is changed in whatever order, also against all advice: once it is put right, the agent is back and believes it', async () => {
  const certificates = await Promise.all([privateCertificate('localhost'), privateCertificate('localhost')]);
  const [first, second] = certificates;
  const story = fc.array(fc.constantFrom(...STEPS), { minLength: 3, maxLength: 15 });
  await fc.assert(
    fc.asyncProperty(story, async (steps) => {
      let present = first;
      const coordinator = await testCoordinator(first);
      const { keys } = coordinator;
      const authoritiesSha256 = createHash('sha256').update(first.ca).digest('hex');
      const config: Partial<RunnerConfig> = {
        ca: first.ca,
        coordinator: { ...coordinator.config().coordinator, authoritiesSha256 },
      };
      let agent: TestAgent | null = await testAgent(coordinator, { config });
      const { folder } = agent;
      await coordinator.connected();
      const start = async () => {
        agent ??= await testAgent(coordinator, { folder, config: { ...config, enrolment: undefined } });
      };
      const stop = async () => {
        agent?.stop('a step of the story');
        await agent?.ended;
        agent = null;
      };
      const announce = (authorities: string | null) => {
        keys.trustAuthorities(authorities);
        coordinator.announce();
      };
      const useCertificate = (which: typeof first) => {
        present = which;
        coordinator.useCertificate(which);
      };
      const acts: Record<(typeof STEPS)[number], () => unknown> = {
        rotate() {
          if (keys.keys.length === 1) keys.rotate();
          coordinator.announce();
        },
        retire() {
          if (keys.keys.length === 2) keys.retire();
          coordinator.announce();
        },
        'announce 0': () => announce(first.ca),
        'announce 1': () => announce(second.ca),
        'announce both': () => announce(first.ca + second.ca),
        'announce none': () => announce(null),
        'certificate 0': () => useCertificate(first),
        'certificate 1': () => useCertificate(second),
        cut: () => coordinator.session?.socket.terminate(),
        restart: async () => {
          await stop();
          await start();
        },
        stop,
      };
      for (const step of steps) {
        await acts[step]();
        // Some of it is under way when the next comes.
        for (let turns = 0; turns < 20; turns++) await turn();
      }
      announce(present.ca);
      await start();
      const { serial } = keys;
      const isSaid = () =>
        coordinator.session?.hello.trust?.serial === serial ||
        coordinator.heard.some((one) => one.type === 'trust-noted' && one.serial === serial && one.problem === null);
      await expect.poll(isSaid, { timeout: 60_000, message: steps.join(', ') }).toBe(true);
      const next = coordinator.nextSession();
      coordinator.session?.socket.terminate();
      expect((await next).hello.trust).toEqual({ keys: keys.keys, serial });
      const done = await coordinator.finished(await coordinator.offer([{ type: 'command', command: 'echo there' }]));
      expect(outputOf(done).toString()).toBe('there\n');
      await stop();
      await coordinator.stop();
    }),
    { numRuns: 6, endOnFailure: true },
  );
}, 120_000);
