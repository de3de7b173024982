import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commands, TestCoordinator } from '../testing/test-coordinator.ts';

let coordinator: TestCoordinator;
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
});
afterEach(() => coordinator.end());

interface Page {
  items: { number: number; title: string; project: string }[];
  next: string | null;
  total: number;
}

async function list(query = ''): Promise<Page> {
  return (await (await coordinator.call(`/executions${query}`)).json()) as Page;
}

describe('the list of executions', () => {
  it('shows the newest first, page by page, each once, also when new ones come in between', async () => {
    const project = await coordinator.addProject();
    for (let i = 0; i < 5; i++) await coordinator.run(project);
    const first = await list('?limit=2');
    expect(first).toMatchObject({ items: [{ number: 5 }, { number: 4 }], total: 5 });
    await coordinator.run(project);
    const second = await list(`?limit=2&cursor=${first.next}`);
    expect(second.items.map((one) => one.number)).toEqual([3, 2]);
    const third = await list(`?limit=2&cursor=${second.next}`);
    expect(third).toMatchObject({ items: [{ number: 1 }], next: null });
  });

  it('is filtered by project, state, kind, Runner, job, user, time and words', async () => {
    const welcome = await coordinator.addProject();
    const other = await coordinator.addProject('Other');
    const { runnerId } = await coordinator.connectedRunner('edge-7', welcome);
    const start = new Date(coordinator.clock.now()).toISOString();
    const ran = await coordinator.run(welcome, { title: '100%_sure', workflow: commands('a') });
    coordinator.clock.advance(10_000);
    const later = new Date(coordinator.clock.now()).toISOString();
    const waits = await coordinator.run(other, { title: 'disk usage', kind: 'script' });
    const numbers = async (query: string) => (await list(query)).items.map((one) => one.number);
    expect(await numbers('?project=welcome')).toEqual([ran.number]);
    expect(await numbers('?state=active')).toEqual([waits.number, ran.number]);
    expect(await numbers('?state=succeeded')).toEqual([]);
    expect(await numbers(`?runner=${runnerId}`)).toEqual([ran.number]);
    expect(await numbers('?kind=ad-hoc')).toEqual([waits.number, ran.number]);
    expect(await numbers('?kind=command')).toEqual([ran.number]);
    expect(await numbers('?kind=script')).toEqual([waits.number]);
    expect(await numbers('?kind=job')).toEqual([]);
    expect(await numbers(`?since=${later}`)).toEqual([waits.number]);
    expect(await numbers(`?since=${start}&until=${start}`)).toEqual([ran.number]);
    expect(await numbers('?user=tester')).toHaveLength(2);
    expect(await numbers('?user=nobody')).toEqual([]);
    expect(await numbers('?search=USAGE')).toEqual([waits.number]);
    expect(await numbers('?search=0%25_s')).toEqual([ran.number]);
    expect(await numbers('?search=%25')).toEqual([ran.number]);
    expect(await numbers('?search=edge-7')).toEqual([ran.number]);
    expect(await numbers(`?search=%23${ran.number}`)).toContain(ran.number);
    expect(await numbers(`?job=${crypto.randomUUID()}`)).toEqual([]);
  });

  it('names the field of a query that is wrong', async () => {
    for (const [query, path] of [
      ['?cursor=next', 'query.cursor'],
      ['?state=happy', 'query.state'],
      ['?since=yesterday', 'query.since'],
      ['?colour=red', 'query.colour'],
      ['?limit=0', 'query.limit'],
    ] as const) {
      const answer = await coordinator.call(`/executions${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
      expect(await answer.json()).toMatchObject({ fields: [{ path }] });
    }
    expect((await coordinator.call('/executions/nonsense')).status).toBe(400);
    expect((await coordinator.call(`/executions/${crypto.randomUUID()}`)).status).toBe(404);
    expect((await coordinator.call(`/executions/${crypto.randomUUID()}/cancel`, {})).status).toBe(404);
    expect((await coordinator.call(`/executions/${crypto.randomUUID()}/waiting`)).status).toBe(404);
  });
});

describe('live events', () => {
  it('tell of an execution at most ten times a second, and of its end at once', async () => {
    const project = await coordinator.addProject();
    const { id } = await coordinator.run(project);
    const events = () => coordinator.events.filter((event) => event.topic === 'execution' && event.id === id);
    expect(events()).toMatchObject([{ action: 'created' }]);
    await coordinator.call(`/executions/${id}/cancel`, {});
    expect(events().at(-1)).toMatchObject({ action: 'updated', execution: { state: 'aborted' } });
    const count = events().length;
    coordinator.clock.advance(1000);
    expect(events()).toHaveLength(count);
  });
});
