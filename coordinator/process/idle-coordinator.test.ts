import { expect, onTestFinished, test } from 'vitest';
import { enrolSimulated, SimulatedAgent } from '../testing/simulated-agent.ts';
import { newRunner, startWhole } from '../testing/whole-coordinator.ts';

test('memory is given back when it is quiet after an agent has connected, not before', async () => {
  let collected = 0;
  const everything = () => {
    collected += 1;
  };
  const whole = await startWhole({ collector: { everything, recent: () => undefined } });
  onTestFinished(() => whole.stop());
  whole.clock.advance(60_000);
  expect(collected).toBe(1); // After its start.
  const { body } = await whole.call('createRunner', { body: newRunner('one') });
  const identity = await enrolSimulated(whole.url, body.runner.id, body.enrolment.token);
  const agent = new SimulatedAgent(identity, { now: () => whole.clock.now() });
  whole.clock.advance(9_000);
  await agent.connect();
  whole.clock.advance(9_999);
  expect(collected).toBe(1);
  whole.clock.advance(1);
  expect(collected).toBe(2);
  agent.kill();
});
