import type { Workflow } from '../../protocol/operation.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { MAX_MESSAGE_BYTES } from '../../protocol/wire.ts';

/** Room in a message for everything but the workflow and the options. */
const ENVELOPE_BYTES = 64 << 10;

/**
 * Refuses a workflow that does not fit into a message to an agent, which carries it as JSON inside JSON.
 * @throws OutrunnerError `invalid-input` naming `workflow.steps`.
 */
export function refuseTooLarge(workflow: Workflow, options: Readonly<Record<string, string>>): void {
  const bytes = Buffer.byteLength(JSON.stringify(JSON.stringify({ workflow, options })));
  if (bytes <= MAX_MESSAGE_BYTES - ENVELOPE_BYTES) return;
  throw new OutrunnerError('invalid-input', {
    detail: 'The steps and options are too large to be sent to a Runner (4 MiB in all).',
    fields: [{ path: 'workflow.steps', message: 'The steps are too large: at most 4 MiB in all.' }],
  });
}
