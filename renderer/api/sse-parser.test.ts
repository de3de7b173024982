import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSseParser, type ServerSentEvent } from './sse-parser.ts';

test('an event is complete at its empty line, with its name and its data lines joined', () => {
  const parse = createSseParser();
  expect(parse('event: change\ndata: {"a":1}\n')).toEqual([]);
  expect(parse('data: more\n\n')).toEqual([{ event: 'change', data: '{"a":1}\nmore' }]);
});

test('comments keep the connection alive and say nothing', () => {
  expect(createSseParser()(': hello\n\ndata: x\n\n')).toEqual([{ event: 'message', data: 'x' }]);
});

test('the events do not depend on where the stream is cut, nor on the kind of line break', () => {
  const written = fc.array(
    fc.record({ event: fc.constantFrom('change', 'beat'), data: fc.stringMatching(/^[ -~]+$/) }),
  );
  fc.assert(
    fc.property(written, fc.constantFrom('\n', '\r\n', '\r'), fc.array(fc.nat(200)), (events, eol, cuts) => {
      const text = events.map(({ event, data }) => `event: ${event}${eol}data: ${data}${eol}${eol}`).join('');
      const parse = createSseParser();
      const seen: ServerSentEvent[] = [];
      let from = 0;
      for (const cut of cuts) {
        seen.push(...parse(text.slice(from, from + cut)));
        from += cut;
      }
      // The trailing piece frees a carriage return that waited for its other half.
      seen.push(...parse(text.slice(from)), ...parse(':'));
      expect(seen).toEqual(events);
    }),
  );
});
