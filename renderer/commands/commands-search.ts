import { z } from 'zod';
import { IdSchema } from '../../protocol/fields.ts';

/** What stands in the address of the commands: the execution whose output is below. */
export const CommandsSearchSchema = z.object({ execution: IdSchema.optional().catch(undefined) });
