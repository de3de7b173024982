import { expect, test } from 'vitest';
import { z } from 'zod';
import { fieldsOf, OutrunnerError, PROBLEMS, ProblemSchema, toProblem } from './problems.ts';

test('every problem says what happened and what to do, and carries an error status', () => {
  for (const [code, row] of Object.entries(PROBLEMS)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(row.status).toBeGreaterThanOrEqual(400);
    expect(row.title).not.toMatch(/\.$/);
    expect(row.todo).toMatch(/\.$/);
  }
});

test('a problem document has its code, status, detail and fields', () => {
  const problem = toProblem(
    new OutrunnerError('name-taken', {
      detail: 'There is a Runner “db-1” already.',
      fields: [{ path: 'name', message: 'Taken.' }],
    }),
    'r1',
  );
  expect(ProblemSchema.parse(problem)).toMatchObject({
    code: 'name-taken',
    status: 409,
    detail: 'There is a Runner “db-1” already.',
    requestId: 'r1',
  });
});

test('bad input names the field, also an unknown one', () => {
  const schema = z.strictObject({ tags: z.array(z.string()) });
  const wrong = schema.safeParse({ tags: ['a', 1], colour: 'red' });
  expect(
    fieldsOf(wrong.error as z.ZodError)
      .map((field) => field.path)
      .sort(),
  ).toEqual(['colour', 'tags.1']);
  expect(fieldsOf(schema.safeParse(3).error as z.ZodError, 'query')[0]?.path).toBe('query');
});
