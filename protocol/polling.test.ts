import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BATCH_BYTES,
  BatchSender,
  decodePoll,
  encodePoll,
  judgeBatch,
  type LinkMessage,
  PollAnswerSchema,
  type PollRequest,
  PollRequestSchema,
} from './polling.ts';

const message: fc.Arbitrary<LinkMessage> = fc.record({
  isBinary: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 300 }),
});
const request: fc.Arbitrary<PollRequest> = fc.oneof(
  fc.constant({ kind: 'open' as const }),
  fc.record({ kind: fc.constant('send' as const), number: fc.integer({ min: 1 }), last: fc.boolean() }),
  fc.record({ kind: fc.constant('receive' as const), received: fc.nat() }),
);
const plain = (messages: readonly LinkMessage[]) =>
  messages.map(({ isBinary, bytes }) => [isBinary, Array.from(bytes)] as const);
const numbered = (value: number): LinkMessage => ({ isBinary: false, bytes: new TextEncoder().encode(String(value)) });

describe('the body of a poll', () => {
  it('comes out as it went in, wherever its bytes lie', () => {
    fc.assert(
      fc.property(request, fc.array(message), fc.nat(20), (header, messages, offset) => {
        const body = encodePoll(header, messages);
        const elsewhere = new Uint8Array(offset + body.length + 3);
        elsewhere.set(body, offset);
        const decoded = decodePoll(elsewhere.subarray(offset, offset + body.length));
        expect(PollRequestSchema.parse(decoded?.header)).toEqual(header);
        expect(plain(decoded?.messages ?? [])).toEqual(plain(messages));
      }),
    );
  });

  it('is refused when it was cut anywhere but between two messages', () => {
    fc.assert(
      fc.property(
        request,
        fc.array(message, { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (header, messages, at) => {
          const body = encodePoll(header, messages);
          const ends = new Set(messages.map((_, count) => encodePoll(header, messages.slice(0, count)).length));
          const cut = Math.floor(at * (body.length - 1));
          fc.pre(!ends.has(cut));
          expect(decodePoll(body.subarray(0, cut))).toBeNull();
        },
      ),
    );
  });

  it('never throws, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = decodePoll(bytes);
        if (decoded !== null) PollAnswerSchema.safeParse(decoded.header);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('batches', () => {
  it('lose, double and reorder nothing, however calls, answers and late copies are lost or repeated', () => {
    // Each step of the network: the call gets lost, its answer gets lost, all is well, or a copy of an old call comes late.
    const fate = fc.constantFrom('call lost', 'answer lost', 'well', 'late copy');
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 30 }),
        fc.array(fate),
        (pushes, fates) => {
          const sender = new BatchSender();
          const arrived: number[] = [];
          const left: number[] = [];
          const old: { number: number; messages: readonly LinkMessage[] }[] = [];
          let received = 0;
          let pushed = 0;
          const arrive = (batch: { number: number; messages: readonly LinkMessage[] }) => {
            const verdict = judgeBatch(received, batch.number);
            expect(verdict).not.toBe('gap');
            if (verdict !== 'next') return;
            received = batch.number;
            for (const { bytes } of batch.messages) arrived.push(Number(new TextDecoder().decode(bytes)));
          };
          const turn = (what: string) => {
            const batch = sender.current();
            if (batch === null) return;
            // Unchanged however often it is sent.
            for (const earlier of old)
              if (earlier.number === batch.number) expect(earlier.messages).toEqual(batch.messages);
            old.push({ number: batch.number, messages: [...batch.messages] });
            if (what === 'call lost') return;
            arrive(batch);
            const copy = old[Math.floor(old.length / 2)];
            if (what === 'late copy' && copy !== undefined) arrive(copy);
            if (what !== 'answer lost') expect(sender.acknowledged(received)).toBe(true);
          };
          pushes.forEach((count, round) => {
            for (let i = 0; i < count; i++) {
              const value = pushed++;
              sender.push(numbered(value), () => left.push(value));
            }
            turn(fates[round] ?? 'well');
          });
          while (!sender.isIdle) turn('well');
          const all = Array.from({ length: pushed }, (_, value) => value);
          expect(arrived).toEqual(all);
          expect(left).toEqual(all);
          expect(sender.waiting).toBe(0);
        },
      ),
    );
  });

  it('hold as much as fits, and always at least one message', () => {
    const sender = new BatchSender();
    const sizes = [BATCH_BYTES + 1, BATCH_BYTES / 2, BATCH_BYTES / 2, 1];
    for (const size of sizes) sender.push({ isBinary: true, bytes: new Uint8Array(size) });
    const seen: number[][] = [];
    for (let batch = sender.current(); batch !== null; batch = sender.current()) {
      seen.push(batch.messages.map(({ bytes }) => bytes.length));
      sender.acknowledged(batch.number);
    }
    expect(seen).toEqual([[sizes[0]], [sizes[1], sizes[2]], [1]]);
  });

  it('tell apart what is next, what is known, and what cannot be', () => {
    expect([judgeBatch(3, 4), judgeBatch(3, 3), judgeBatch(3, 1), judgeBatch(3, 5)]).toEqual([
      'next',
      'again',
      'again',
      'gap',
    ]);
    expect(new BatchSender().acknowledged(1)).toBe(false);
  });

  it('give up what has not arrived once, and say so of each message', () => {
    const sender = new BatchSender();
    let left = 0;
    for (let i = 0; i < 3; i++) sender.push(numbered(i), () => left++);
    sender.current();
    sender.push(numbered(3), () => left++);
    sender.drop();
    sender.drop();
    expect([left, sender.waiting, sender.isIdle]).toEqual([4, 0, true]);
    expect(sender.acknowledged(1)).toBe(true);
  });
});
