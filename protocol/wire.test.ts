import fc from 'fast-check';
import { expect, test } from 'vitest';
import { optionEnvironmentName, stepLabel } from './operation.ts';
import { FRAME_HEADER_BYTES, FromAgentSchema, journalFrameHeader, readJournalFrame, ToAgentSchema } from './wire.ts';

test('a journal frame says which operation, which attempt and which bytes', () => {
  fc.assert(
    fc.property(
      fc.uuid(),
      fc.integer({ min: 1, max: 0xffffffff }),
      fc.uint8Array({ maxLength: 100 }),
      (operation, attempt, records) => {
        const frame = Buffer.concat([journalFrameHeader(operation, attempt), records]);
        const read = readJournalFrame(frame);
        expect(read).toMatchObject({ operation, attempt });
        expect([...(read?.records ?? [])]).toEqual([...records]);
      },
    ),
  );
});

test('what is too short or of another type is no journal frame', () => {
  expect(readJournalFrame(new Uint8Array(FRAME_HEADER_BYTES - 1))).toBeNull();
  expect(readJournalFrame(new Uint8Array(FRAME_HEADER_BYTES).fill(9))).toBeNull();
});

test('unknown fields are ignored, unknown types are refused', () => {
  expect(FromAgentSchema.parse({ type: 'pong', id: '1', later: true })).toEqual({ type: 'pong', id: '1' });
  expect(FromAgentSchema.safeParse({ type: 'dance' }).success).toBe(false);
  expect(ToAgentSchema.safeParse({ type: 'ping', id: 'x'.repeat(65) }).success).toBe(false);
});

test('no message of any shape makes the schemas throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (message) => {
      FromAgentSchema.safeParse(message);
      ToAgentSchema.safeParse(message);
    }),
  );
});

test('options reach the environment under their standard names', () => {
  expect(optionEnvironmentName('target-host.name')).toBe('RD_OPTION_TARGET_HOST_NAME');
});

test('a step without a label is called after what it does', () => {
  expect(stepLabel({ type: 'command', label: '', command: 'uname -a' })).toBe('uname -a');
  expect(stepLabel({ type: 'script', label: '', script: '#!/bin/sh\n\nset -e\nls' })).toBe('Script: set -e');
  expect(stepLabel({ type: 'command', label: 'Facts', command: 'uname -a' })).toBe('Facts');
  expect(stepLabel({ type: 'command', label: '', command: 'x'.repeat(100) })).toHaveLength(60);
});
