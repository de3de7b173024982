import { expect, test } from 'vitest';
import { initialValues, missingValues } from './option-values.ts';

const options = [
  { name: 'path', description: '', value: '/', required: true },
  { name: 'note', description: '', value: '', required: false },
  { name: 'host', description: '', value: '', required: true },
];

test('a run begins with the defaults, and with what was given before where the option is still there', () => {
  expect(initialValues(options)).toEqual({ path: '/', note: '', host: '' });
  expect(initialValues(options, { host: 'a', gone: 'x', note: '' })).toEqual({ path: '/', note: '', host: 'a' });
});

test('a required option without a value is named', () => {
  expect(missingValues(options, { path: ' ', note: '', host: 'a' })).toEqual({ path: 'path is required.' });
});
