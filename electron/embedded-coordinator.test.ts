import { describe, expect, it } from 'vitest';
import { manualClock } from '../protocol/clock.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import type { Target } from './api-request.ts';
import { restartDelay, superviseCoordinator } from './embedded-coordinator.ts';

const URL_HERE = 'http://127.0.0.1:4440';

/** The world around the supervisor: a data folder on which at most one process runs, and a clock that is moved by hand. */
function world() {
  const clock = manualClock();
  const state = { running: null as string | null, started: 0, stopped: 0, killed: 0, failing: null as string | null };
  const ends: ((code: number) => void)[] = [];
  const changes: (Target | null)[] = [];
  const reports: string[] = [];
  let signIns = 0;
  const coordinator = superviseCoordinator({
    clock,
    findRunning: async () => state.running,
    async start() {
      state.started += 1;
      const { promise, resolve } = Promise.withResolvers<number>();
      const end = (code: number) => {
        state.running = null;
        resolve(code);
      };
      ends.push(end);
      const failing = state.failing;
      if (failing === null) state.running = URL_HERE;
      else end(10);
      return {
        ended: promise,
        lastError: () => failing ?? '',
        stop: () => {
          state.stopped += 1;
          end(0);
        },
        kill: () => {
          state.killed += 1;
          end(137);
        },
      };
    },
    signIn: async (url) => {
      signIns += 1;
      return { url, token: `token-${signIns}` };
    },
    changed: (target) => void changes.push(target),
    report: (message) => void reports.push(message),
  });
  /** Lets promises run, moving the clock in small steps, until `condition` holds. */
  const until = async (condition: () => boolean, step = 50) => {
    for (let turn = 0; turn < 5000 && !condition(); turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!condition()) clock.advance(step);
    }
    if (!condition()) throw new Error('what was waited for did not come');
  };
  return { clock, state, ends, changes, reports, coordinator, until };
}

describe('the coordinator on this computer', () => {
  it('is started, signed in to, and stopped again with the console', async () => {
    const { coordinator, state } = world();
    coordinator.run();
    expect(await coordinator.target()).toEqual({ url: URL_HERE, token: 'token-1' });
    await coordinator.stop();
    expect(state).toMatchObject({ started: 1, stopped: 1, running: null });
    await expect(coordinator.target()).rejects.toMatchObject({ code: 'shutting-down' });
  });

  it('is not started when one runs already, and that one is left running', async () => {
    const { coordinator, state } = world();
    state.running = URL_HERE;
    coordinator.run();
    expect((await coordinator.target()).url).toBe(URL_HERE);
    await coordinator.stop();
    expect(state).toMatchObject({ started: 0, running: URL_HERE });
  });

  it('is started again when it dies, and requests wait for it', async () => {
    const { coordinator, state, ends, until, reports, clock } = world();
    coordinator.run();
    await coordinator.target();
    ends[0]?.(1);
    await until(() => coordinator.current === null, 0);
    const next = coordinator.target();
    expect(state.started).toBe(1);
    clock.advance(restartDelay(1));
    await until(() => state.started === 2);
    expect(await next).toEqual({ url: URL_HERE, token: 'token-2' });
    expect(reports.join()).toContain('ended with code 1');
    await coordinator.stop();
  });

  it('says why it cannot be started, at once and each time it is asked, and tries again ever more seldom', async () => {
    const { coordinator, state, until, reports } = world();
    state.failing = 'The data folder /x cannot be written.';
    coordinator.run();
    await expect(coordinator.target()).rejects.toThrow('The data folder /x cannot be written.');
    await expect(coordinator.target()).rejects.toMatchObject({ code: 'coordinator-unreachable' });
    await until(() => state.started === 3);
    state.failing = null;
    await until(() => coordinator.current !== null);
    expect(await coordinator.target()).toMatchObject({ url: URL_HERE });
    expect(reports.join()).toContain('/x cannot be written');
    await coordinator.stop();
    expect([1, 2, 3, 4, 20].map(restartDelay)).toEqual([500, 1000, 2000, 4000, 30_000]);
  });

  it('takes the place of a foreign one that has gone', async () => {
    const { coordinator, state, until } = world();
    state.running = URL_HERE;
    coordinator.run();
    await coordinator.target();
    coordinator.lost();
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.started).toBe(0);
    state.running = null;
    coordinator.lost();
    await until(() => state.started === 1);
    await coordinator.stop();
  });

  it('gets a new token when the old one is refused, once for all who ask', async () => {
    const { coordinator } = world();
    coordinator.run();
    const target = await coordinator.target();
    expect(await coordinator.renew(target)).toMatchObject({ token: 'token-2' });
    expect(await coordinator.renew(target)).toMatchObject({ token: 'token-2' });
    await coordinator.stop();
  });

  it('is ended by force when it does not stop in time', async () => {
    const clock = manualClock();
    const { promise, resolve } = Promise.withResolvers<number>();
    let running: string | null = null;
    let asked = false;
    const coordinator = superviseCoordinator({
      clock,
      findRunning: async () => running,
      start: async () => {
        running = URL_HERE;
        return {
          ended: promise,
          lastError: () => '',
          stop: () => {
            asked = true;
          },
          kill: () => resolve(137),
        };
      },
      signIn: async (url) => ({ url, token: 't' }),
      changed: () => undefined,
      report: () => undefined,
    });
    coordinator.run();
    await coordinator.target();
    const stopped = coordinator.stop();
    await new Promise((next) => setImmediate(next));
    expect(asked).toBe(true);
    clock.advance(10_000);
    await stopped;
  });

  it('reports a refused sign-in instead of pretending to be ready', async () => {
    const coordinator = superviseCoordinator({
      clock: manualClock(),
      findRunning: async () => URL_HERE,
      start: () => Promise.reject(new Error('not needed')),
      signIn: () => Promise.reject(new OutrunnerError('sign-in-refused', { detail: 'The ticket is old.' })),
      changed: () => undefined,
      report: () => undefined,
    });
    coordinator.run();
    await expect(coordinator.target()).rejects.toMatchObject({ code: 'sign-in-refused' });
    await coordinator.stop();
  });
});
