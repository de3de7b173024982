import { expect, test } from 'vitest';
import { type Clock, manualClock, type Timer } from '../../protocol/clock.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';
import { Watchdog } from './watchdog.ts';

test('it barks when what must go on is late twice in a row, and again when that goes on', () => {
  const clock = manualClock();
  let barks = 0;
  const watchdog = new Watchdog(clock, () => (barks += 1));
  clock.advance(600_000);
  expect(barks).toBe(0);
  watchdog.expectWithin(20_000);
  clock.advance(30_000);
  expect(barks).toBe(0);
  clock.advance(15_000);
  expect(barks).toBe(1);
  clock.advance(600_000);
  expect(barks).toBeGreaterThan(5);
  watchdog.stop();
  const before = barks;
  clock.advance(600_000);
  expect(barks).toBe(before);
});

test('it keeps quiet while it hears in time, and after one late look', () => {
  const clock = manualClock();
  let barks = 0;
  const watchdog = new Watchdog(clock, () => (barks += 1));
  for (let i = 0; i < 100; i++) {
    watchdog.expectWithin(20_000);
    clock.advance(10_000);
  }
  watchdog.expectWithin(10_000);
  // The host slept: all timers are late, this one is the first to fire.
  clock.advance(15_000);
  watchdog.expectWithin(10_000);
  clock.advance(10_000);
  expect(barks).toBe(0);
});

test.each(['websocket', 'polling'])(
  'a session over %s whose own timers are lost is given up, and its work goes on in the next',
  async (transport) => {
    const coordinator = await testCoordinator();
    Object.assign(coordinator.behaviour, { beats: false, heartbeatMs: 1_000, silenceMs: 5_000 });
    const { clock, loseTimers } = forgetfulClock();
    const agent = await testAgent(coordinator, { clock, env: { OUTRUNNER_TRANSPORT: transport } });
    await coordinator.connected();
    const operation = await coordinator.offer([{ type: 'command', command: 'read line < /dev/null; echo before' }]);
    await coordinator.finished(operation);
    loseTimers();
    const next = coordinator.nextSession();
    await expect
      .poll(() => {
        clock.advance(1_000);
        return coordinator.sessions;
      })
      .toBe(2);
    await next;
    expect(agent.lines.join('')).toContain('The connection hangs, and is opened anew.');
    const after = await coordinator.offer([{ type: 'command', command: 'echo after' }]);
    expect(outputOf(await coordinator.finished(after)).toString()).toBe('after\n');
  },
);

/** A clock that can lose the timers of a session that are set now: what a fault in the session amounts to. */
function forgetfulClock(): { clock: Clock & { advance(ms: number): void }; loseTimers(): void } {
  const manual = manualClock(Date.now());
  const sessionTimers = new Set<Timer>();
  return {
    clock: {
      ...manual,
      every(ms, callback) {
        const timer = manual.every(ms, callback);
        // Those of a session tick at its heartbeat or faster; all others are slower or older.
        if (ms <= 1_250) sessionTimers.add(timer);
        return timer;
      },
    },
    loseTimers() {
      for (const timer of sessionTimers) timer.cancel();
    },
  };
}
