import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SessionOutcome, TransportChoice } from './transport-choice.ts';

const failed = { welcomed: false, steady: false, blocked: 'HTTP 403.' };
const down = { welcomed: false, steady: false, blocked: null };
const good = { welcomed: true, steady: true, blocked: 'it was cut' };
const short = { welcomed: true, steady: false, blocked: 'it was cut' };
const outcome: fc.Arbitrary<SessionOutcome> = fc.constantFrom(failed, down, good, short);

describe('the choice of the way', () => {
  it('is WebSocket first, long polling at once where that does not get through, and says why', () => {
    const choice = new TransportChoice('auto');
    expect([choice.current, choice.reason]).toEqual(['websocket', null]);
    expect(choice.ended(failed)).toBe(true);
    expect([choice.current, choice.reason]).toEqual(['polling', 'WebSocket does not get through: HTTP 403.']);
  });

  it('stays with WebSocket while the coordinator is simply down', () => {
    const choice = new TransportChoice('auto');
    for (let i = 0; i < 10; i++) expect(choice.ended(down)).toBe(false);
    expect(choice.current).toBe('websocket');
  });

  it('keeps polling while that works, and goes back when it does not', () => {
    const choice = new TransportChoice('auto');
    choice.ended(failed);
    expect([choice.ended(good), choice.ended(short), choice.current]).toEqual([false, false, 'polling']);
    expect([choice.ended(down), choice.current]).toEqual([false, 'websocket']);
  });

  it('gives WebSockets up that break off at once three times in a row, and not those that once lasted', () => {
    const choice = new TransportChoice('auto');
    expect([choice.ended(short), choice.ended(short), choice.ended(good)]).toEqual([false, false, false]);
    expect([choice.ended(short), choice.ended(short), choice.current]).toEqual([false, false, 'websocket']);
    expect([choice.ended(short), choice.current]).toEqual([true, 'polling']);
  });

  it('does not give up at once what lasted before: a coordinator behind a proxy that is started again', () => {
    const choice = new TransportChoice('auto');
    choice.ended(good);
    expect([choice.ended(failed), choice.ended(down), choice.ended(failed)]).toEqual([false, false, false]);
    expect([choice.ended(failed), choice.current]).toEqual([true, 'polling']);
    // Polling fails as well: it is not WebSocket alone, and patience is as before.
    choice.ended(down);
    expect([choice.ended(failed), choice.ended(failed), choice.ended(failed)]).toEqual([false, false, true]);
    // Now it does not: WebSocket is blocked.
    choice.ended(short);
    choice.probeSucceeded();
    expect(choice.ended(failed)).toBe(true);
  });

  it('tries WebSocket beside polling after a minute, then every ten, until it lasts', () => {
    const choice = new TransportChoice('auto');
    const half = () => 0.5;
    expect(choice.nextProbeMs(half)).toBeNull();
    choice.ended(failed);
    expect([choice.nextProbeMs(half), choice.nextProbeMs(half)]).toEqual([60_000, 600_000]);
    choice.probeSucceeded();
    expect(choice.current).toBe('websocket');
    // It got through, yet broke at the handshake: no flapping every minute.
    choice.ended(failed);
    expect(choice.nextProbeMs(half)).toBe(600_000);
    choice.probeSucceeded();
    choice.ended(good);
    for (let i = 0; i < 3; i++) choice.ended(failed);
    expect(choice.nextProbeMs(half)).toBe(60_000);
  });

  it('does what it is told, whatever happens', () => {
    fc.assert(
      fc.property(fc.constantFrom('websocket' as const, 'polling' as const), fc.array(outcome), (setting, outcomes) => {
        const choice = new TransportChoice(setting);
        for (const each of outcomes) {
          expect(choice.ended(each)).toBe(false);
          expect([choice.current, choice.nextProbeMs(Math.random)]).toEqual([setting, null]);
        }
      }),
    );
  });

  it('never tries one after the other for ever without a wait', () => {
    fc.assert(
      fc.property(fc.array(outcome), (outcomes) => {
        const choice = new TransportChoice('auto');
        let atOnce = 0;
        for (const each of outcomes) {
          atOnce = choice.ended(each) ? atOnce + 1 : 0;
          expect(atOnce).toBeLessThan(2);
        }
      }),
    );
  });
});
