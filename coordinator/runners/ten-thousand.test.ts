import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HOST_FACTS } from '../testing/simulated-agent.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

/** How long lists take with ten thousand Runners: printed, because a figure of a busy machine proves nothing. */
const RUNNERS = 10_000;

let whole: WholeCoordinator;
beforeAll(async () => {
  whole = await startWhole();
  await whole.coordinator.store.write(async (tx) => {
    const { id: projectId } = await tx.selectFrom('project').select('id').executeTakeFirstOrThrow();
    const now = whole.clock.now();
    for (let from = 0; from < RUNNERS; from += 1000) {
      const runners = Array.from({ length: 1000 }, (_, index) => {
        const number = from + index;
        return {
          id: randomUUID(),
          name: `runner-${number}`,
          name_key: `runner-${number}`,
          description: `Host number ${number} of the lab`,
          max_operations: 50,
          replica_mode: 'single' as const,
          mode: 'active' as const,
          status_last: 'New',
          status_since: now,
          created_at: now + number,
          updated_at: now,
        };
      });
      await tx.insertInto('runner').values(runners).execute();
      const tags = runners.flatMap(({ id, name }) => [
        { runner_id: id, position: 0, tag: 'linux', tag_key: 'linux' },
        { runner_id: id, position: 1, tag: `rack-${name.slice(-2)}`, tag_key: `rack-${name.slice(-2)}` },
      ]);
      await tx.insertInto('runner_tag').values(tags).execute();
      const assignments = runners.map(({ id }) => ({
        runner_id: id,
        project_id: projectId,
        as_node: 1 as const,
        remote_dispatch: 0 as const,
        node_filter: '.*',
      }));
      await tx.insertInto('assignment').values(assignments).execute();
      const replicas = runners.map(({ id, name }) => ({
        id: randomUUID(),
        runner_id: id,
        signing_key: '',
        sealing_key: '',
        facts: JSON.stringify({ ...HOST_FACTS, hostname: `${name}.example` }),
        address: '10.0.0.1',
        enrolled_at: now,
        last_seen: now - (id.charCodeAt(0) % 3) * 60_000,
        said_goodbye: 0 as const,
        epoch: 1,
        maximum: 50,
      }));
      await tx.insertInto('replica').values(replicas).execute();
    }
  });
  whole = await whole.restart();
}, 120_000);
afterAll(() => whole.stop());

it.each([
  ['the first hundred by name', {}],
  ['the worst hundred', { sort: '-status' }],
  ['a search', { search: 'runner-99' }],
  ['a search by host name', { search: 'runner-4711.example' }],
  ['one tag', { tag: 'rack-42' }],
  ['all of one status', { status: 'Healthy', sort: 'lastCheckin' }],
  ['all ten thousand', { limit: RUNNERS }],
])('lists %s of ten thousand Runners', { timeout: 60_000 }, async (what, query) => {
  const times: number[] = [];
  let found = 0;
  for (let n = 0; n < 5; n++) {
    const begun = performance.now();
    const { status, body } = await whole.call('listRunners', { query });
    times.push(performance.now() - begun);
    expect(status).toBe(200);
    found = body.items.length;
  }
  expect(found).toBeGreaterThan(0);
  const median = times.toSorted((a, b) => a - b)[2] ?? 0;
  console.log(`${what}: ${found} Runners in ${median.toFixed(0)} ms (answers checked against their schema)`);
});
