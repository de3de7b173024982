import fc from 'fast-check';
import { expect, test } from 'vitest';
import { missingTags, RunnerTagsSchema, splitTags, TagSchema, tagKey, uniqueTags } from './tags.ts';

const word = fc.string({ unit: fc.constantFrom(...'abcÄéπ09.-_'), minLength: 1, maxLength: 12 });

test('Return, comma, semicolon and blanks end a tag', () => {
  expect(splitTags('linux, db;prod\nwest  east\t')).toEqual(['linux', 'db', 'prod', 'west', 'east']);
  expect(splitTags(' ,; \n')).toEqual([]);
});

test('what was joined with any separators is split again', () => {
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 8 }),
      fc.constantFrom(',', ';', ' ', '\n', ', ', ' ; '),
      (tags, separator) => {
        expect(splitTags(tags.join(separator))).toEqual(tags);
      },
    ),
  );
});

test('tags are compared in lower case and Unicode normal form, and shown as typed', () => {
  expect(tagKey(' PROD ')).toBe('prod');
  expect(tagKey('Cafe\u0301')).toBe(tagKey('CAFÉ'));
  expect(uniqueTags(['Prod', 'PROD', 'db', 'prod '])).toEqual(['Prod', 'db']);
});

test('making tags unique twice changes nothing more', () => {
  fc.assert(
    fc.property(fc.array(word), (tags) => {
      expect(uniqueTags(uniqueTags(tags))).toEqual(uniqueTags(tags));
    }),
  );
});

test('a selection matches exactly the supersets of its tags', () => {
  fc.assert(
    fc.property(fc.array(word), fc.array(word), (wanted, extra) => {
      expect(
        missingTags(
          wanted,
          [...extra, ...wanted].map((tag) => tag.toUpperCase()),
        ),
      ).toEqual([]);
      for (const tag of missingTags(wanted, extra)) expect(extra.map(tagKey)).not.toContain(tagKey(tag));
    }),
  );
});

test('a Runner needs at least one tag and refuses the same tag twice, naming it', () => {
  expect(RunnerTagsSchema.safeParse([]).error?.issues[0]?.message).toBe('At least one tag is needed.');
  const twice = RunnerTagsSchema.safeParse(['db', 'DB']).error?.issues[0];
  expect(twice?.path).toEqual([1]);
  expect(twice?.message).toContain('DB');
  expect(TagSchema.safeParse('two words').success).toBe(false);
  expect(TagSchema.safeParse('a'.repeat(65)).success).toBe(false);
});
