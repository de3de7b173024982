import { ROUTES } from '../../protocol/api/routes.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Serve } from '../http/call.ts';
import type { Executions } from './executions.ts';
import { explainWaiting } from './explain-waiting.ts';
import { listExecutions } from './list-executions.ts';
import { readOutput } from './read-output.ts';

/** The calls about executions. */
export function serveExecutions(serve: Serve, executions: Executions): void {
  const { clock, dispatcher, journals, life, records, store } = executions;

  serve(ROUTES.listExecutions, ({ query }) => listExecutions({ store, live: records }, query));

  serve(ROUTES.getExecution, async ({ params }) => executions.view(await executions.get(params.id)));

  serve(ROUTES.getOutput, async ({ params, query }, { stopping }) => {
    const record = await executions.get(params.id);
    const mayGrow = () => records.ofExecution(params.id) !== undefined;
    return readOutput(journals, record, query, mayGrow, stopping);
  });

  serve(ROUTES.cancelExecution, async ({ params, body }, { caller }) => {
    const record = await executions.get(params.id);
    if (record.ended) {
      throw new OutrunnerError('execution-ended', { detail: `It has ended already: ${record.row.state}.` });
    }
    await life.cancel(record, caller.account.name, body.reason);
    return executions.view(record);
  });

  serve(ROUTES.getWaiting, async ({ params }) => {
    const record = await executions.get(params.id);
    const view = await dispatcher.view();
    return explainWaiting(record, view, dispatcher.queue.ahead(record), clock.now());
  });
}
