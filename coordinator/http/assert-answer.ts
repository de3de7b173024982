import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';

/**
 * Throws unless `answer` is exactly what its schema promises: nothing wrong, nothing missing, and nothing beside it that a
 * caller was not meant to see. Made for tests; costs more than the answer itself.
 */
export function assertAnswer(schema: z.ZodType, answer: unknown): void {
  const plain: unknown = JSON.parse(JSON.stringify(answer));
  const parsed = schema.safeParse(plain);
  if (!parsed.success) throw new Error(`The answer breaks its schema: ${JSON.stringify(parsed.error.issues)}`);
  const kept: unknown = JSON.parse(JSON.stringify(parsed.data));
  if (!isDeepStrictEqual(plain, kept)) {
    throw new Error(`The answer has more than its schema:\n${JSON.stringify(plain)}\n${JSON.stringify(kept)}`);
  }
}
