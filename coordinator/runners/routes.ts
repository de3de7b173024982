import { ROUTES } from '../../protocol/api/routes.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Serve } from '../http/call.ts';
import type { Presence } from '../presence.ts';
import { isoTime } from '../store/stored-forms.ts';
import { createEnrolment, createRunner, deleteRunner, retireReplica, setMode, updateRunner } from './change-runners.ts';
import { listRunners } from './list-runners.ts';
import type { Runners } from './runners.ts';

/** How long an agent has to answer a ping, in milliseconds. */
const PING_WITHIN_MS = 5000;

/** `handedOut`: the version of the agent that is handed out now. */
export function serveRunners(
  serve: Serve,
  runners: Runners,
  presence: Presence,
  handedOut: () => Promise<string | null>,
): void {
  const { index, change } = runners;
  const source = {
    records: () => index.all(),
    presences: (id: string) => presence.ofRunner(id),
    status: (id: string) => runners.status(id),
    view: ({ row }: { row: { id: string } }) => runners.view(row.id),
  };

  serve(ROUTES.listRunners, async ({ query }) =>
    listRunners({ ...source, handedOut: query.versionState === undefined ? null : await handedOut() }, query),
  );

  serve(ROUTES.createRunner, async ({ body }, { onceId }) => {
    const { id, enrolment } = await createRunner(change, body, onceId);
    return { runner: runners.view(id), enrolment: { token: enrolment.token, expiresAt: isoTime(enrolment.expiresAt) } };
  });

  serve(ROUTES.getRunner, ({ params }) => runners.view(params.id));

  serve(ROUTES.updateRunner, async ({ params, body }) => {
    await updateRunner(change, params.id, body);
    return runners.view(params.id);
  });

  serve(ROUTES.deleteRunner, ({ params, query }) => deleteRunner(change, params.id, query.force === 'true'));

  serve(ROUTES.createEnrolment, async ({ params, body }, { onceId }) => {
    const { token, expiresAt } = await createEnrolment(change, params.id, body, onceId);
    return { token, expiresAt: isoTime(expiresAt) };
  });

  serve(ROUTES.pingRunner, async ({ params }) => {
    index.need(params.id);
    if (!presence.ofRunner(params.id).some((replica) => replica.connected)) {
      throw new OutrunnerError('runner-unreachable', { detail: 'No agent of this Runner is connected.' });
    }
    const { replicaId, roundTripMs } = await presence.ping(params.id, PING_WITHIN_MS);
    return { roundTripMs, replica: replicaId };
  });

  serve(ROUTES.setRunnerMode, async ({ params, body }, { caller }) => {
    await setMode(change, params.id, body, caller.account.name);
    return runners.view(params.id);
  });

  serve(ROUTES.deleteReplica, ({ params }) => retireReplica(change, params.id, params.replicaId));

  serve(ROUTES.checkRunnerName, ({ params }) => {
    const found = index.byName(params.name);
    return { free: found === null, runner: found === null ? null : { id: found.row.id, name: found.row.name } };
  });

  serve(ROUTES.listTags, () => index.tags());
}
