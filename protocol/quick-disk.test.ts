import fc from 'fast-check';
import { expect, test } from 'vitest';
import { manualClock } from './clock.ts';
import { QuickDisk } from './quick-disk.ts';

test('a flush is waited for in place only if it is alone and the one before it took under 2 ms', async () => {
  const flush = fc.record({ alone: fc.boolean(), takesMs: fc.constantFrom(0, 1.99, 2, 50), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(flush, { maxLength: 12 }), async (flushes) => {
      const clock = manualClock();
      const disk = new QuickDisk(clock);
      let before = Number.POSITIVE_INFINITY;
      for (const { alone, takesMs, fails } of flushes) {
        let where = 'nowhere';
        const run = (place: string) => {
          where = place;
          clock.advance(takesMs);
          if (fails) throw new Error('EIO');
        };
        const done = disk.flush(
          alone,
          () => run('in place'),
          async () => run('beside'),
        );
        await (fails ? expect(done).rejects.toThrow('EIO') : done);
        expect(where).toBe(alone && before < 2 ? 'in place' : 'beside');
        before = takesMs;
      }
    }),
  );
});
