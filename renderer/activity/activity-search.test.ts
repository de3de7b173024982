import { describe, expect, test } from 'vitest';
import { ActivitySearchSchema, executionFilter, isFiltered } from './activity-search.ts';

describe('filters of the activity in the address', () => {
  test('what is not valid is dropped, never an error', () => {
    const search = ActivitySearchSchema.parse({ state: 'broken', job: 'no id', time: 'day', user: 'ann', other: 1 });
    expect(search).toEqual({ time: 'day', user: 'ann' });
  });

  test('a span of time counts back from the whole minute', () => {
    const now = Date.parse('2026-11-23T20:15:42.123Z');
    expect(executionFilter('welcome', { time: 'hour', state: 'active' }, now)).toEqual({
      project: 'welcome',
      limit: 100,
      state: 'active',
      since: '2026-11-23T19:15:00.000Z',
    });
    expect(executionFilter('welcome', {}, now)).toEqual({ project: 'welcome', limit: 100 });
  });

  test('an empty search is no filter', () => {
    expect(isFiltered({ search: '' })).toBe(false);
    expect(isFiltered({ user: 'ann' })).toBe(true);
  });
});
