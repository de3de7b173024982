import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Execution } from '../protocol/api/executions.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import { type AgentSeat, Fleet } from './fleet.ts';
import { type Evidence, isCut, judge } from './judge.ts';
import { markedProcesses } from './marked-processes.ts';
import { persistently } from './persistent.ts';
import { type Random, seededRandom } from './random.ts';
import type { Report, Trial, TrialOptions } from './report.ts';
import { jobOf, KINDS, type Kind, makeTasks, type Task } from './workload.ts';

/** After the last kill, everything has to be over within this. */
const SETTLE_MS = 120_000;
/** From one kill to the next, and how long the killed one stays away. */
const BETWEEN_MS = [100, 2_500] as const;
const AWAY_MS = [0, 2_000] as const;
/** How long an agent that is asked to stop gets before it is killed all the same. */
const STOP_MS = [100, 8_000] as const;
const PAGE = 64 << 20;

const WAYS = ['coordinator', 'agent', 'both', 'stop'] as const;

interface Submitted {
  readonly task: Task;
  readonly id: string;
  cancelled: boolean;
}

/** `kill -9` of coordinator and agents at random moments while executions run; then every single one is judged. */
export const killTrial: Trial = {
  name: 'kill',
  what: 'kill -9 of coordinator, agents, and both, while executions run',
  async run(options) {
    const random = seededRandom(options.seed);
    const tasks = makeTasks(options.executions, random.branch());
    const runsFile = path.join(options.work, 'runs');
    await writeFile(runsFile, '');
    const fleet = await Fleet.start(options.work, { agents: options.agents, executable: options.executable });
    const jobs = new Map<Kind, string>();
    for (const kind of KINDS) {
      const job = await fleet.api.call('createJob', { params: { project: 'Welcome' }, body: jobOf(kind) });
      jobs.set(kind, job.id);
    }
    const deadline = Date.now() + options.seconds * 1000 + SETTLE_MS;
    const stopKilling = new AbortController();
    const killing = killAtRandom(fleet, random.branch(), stopKilling.signal, options.say);
    const submitted = await submitAll(fleet, tasks, jobs, runsFile, options, deadline);
    stopKilling.abort();
    const kills = await killing;
    options.say(`all ${submitted.length} submitted; ${kills.length} kills; waiting for the ends`);
    return await verdict(fleet, submitted, kills, runsFile, deadline);
  },
};

async function submitAll(
  fleet: Fleet,
  tasks: readonly Task[],
  jobs: ReadonlyMap<Kind, string>,
  runs: string,
  { seconds }: TrialOptions,
  deadline: number,
): Promise<Submitted[]> {
  const begun = Date.now();
  const submit = async (task: Task, n: number): Promise<Submitted> => {
    await sleep(begun + (n / tasks.length) * seconds * 1000 - Date.now());
    const request = {
      params: { id: jobs.get(task.kind) ?? '' },
      body: { options: { task: task.id, lines: String(task.lines), runs } },
    };
    const { id } = await persistently(deadline, (signal) =>
      fleet.api.call('runJob', request, { idempotencyKey: task.id, signal }),
    );
    const cancelled = task.cancelAfterMs !== null && (await cancel(fleet, id, task.cancelAfterMs, deadline));
    return { task, id, cancelled };
  };
  return await Promise.all(tasks.map(submit));
}

/** Asks for the stop of an execution. False when it had ended before. */
async function cancel(fleet: Fleet, id: string, afterMs: number, deadline: number): Promise<boolean> {
  await sleep(afterMs);
  const request = { params: { id }, body: { reason: 'the trial wants it' } };
  let tries = 0;
  try {
    await persistently(deadline, (signal) => {
      tries += 1;
      return fleet.api.call('cancelExecution', request, { signal });
    });
    return true;
  } catch (error) {
    // Of an earlier try the answer may have been lost with the coordinator, and the stop been done.
    if (error instanceof OutrunnerError && error.code === 'execution-ended') return tries > 1;
    throw error;
  }
}

async function killAtRandom(
  fleet: Fleet,
  random: Random,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<string[]> {
  const kills: string[] = [];
  while (!signal.aborted) {
    await sleep(random.whole(...BETWEEN_MS), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const what = random.oneOf(WAYS);
    const seat = fleet.agents[random.whole(0, fleet.agents.length - 1)] as AgentSeat;
    const away = [random.whole(...AWAY_MS), random.whole(...AWAY_MS)] as const;
    const patience = random.whole(...STOP_MS);
    kills.push(what);
    say(what === 'stop' ? `asking ${seat.name} to stop` : `kill -9 ${what === 'agent' ? seat.name : what}`);
    const coordinator = async () => {
      await fleet.killCoordinator();
      await sleep(away[0]);
      await fleet.reviveCoordinator();
    };
    const agent = async () => {
      if (what !== 'stop') await fleet.killAgent(seat);
      else if (await fleet.stopAgent(seat, patience)) say(`${seat.name} has stopped`);
      await sleep(away[1]);
      fleet.reviveAgent(seat);
    };
    await Promise.all([
      ...(what === 'agent' || what === 'stop' ? [] : [coordinator()]),
      ...(what === 'coordinator' ? [] : [agent()]),
    ]);
  }
  return kills;
}

async function verdict(
  fleet: Fleet,
  submitted: readonly Submitted[],
  kills: readonly string[],
  runsFile: string,
  deadline: number,
): Promise<Report> {
  const violations: string[] = [];
  const ended: Execution[] = [];
  for (const { id, task } of submitted) {
    const execution = await untilEnded(fleet, id, deadline);
    ended.push(execution);
    if (!isTerminal(execution.state)) violations.push(`${task.id} is stuck: ${JSON.stringify(execution)}`);
  }
  const held = await untilHeldNothing(fleet, deadline);
  if (held.length > 0) violations.push(`agents still hold ${held.length} operations: ${held.slice(0, 5).join(' ')}`);
  const runs = new Map<string, string[]>();
  for (const line of (await readFile(runsFile, 'utf8')).split('\n')) {
    const task = /^(?:begin|end) (t\d+)\./.exec(line)?.[1];
    if (task !== undefined) runs.set(task, [...(runs.get(task) ?? []), line]);
  }
  let bytes = 0;
  for (const [index, { task, cancelled, id }] of submitted.entries()) {
    const execution = ended[index] as Execution;
    const journal = await readJournal(fleet, id);
    bytes += journal.length;
    const seat = fleet.agents.find(({ name }) => name === execution.runner?.name);
    const evidence: Evidence = {
      task,
      execution,
      journal,
      runs: runs.get(task.id) ?? [],
      outages: seat?.outages ?? [],
      cancelled,
    };
    const wrong = judge(evidence);
    violations.push(...wrong.map((what) => `${task.id} (${task.kind}, ${execution.id}): ${what}`));
    if (!(await onDisk(fleet, execution)).equals(journal))
      violations.push(`${task.id}: what is stored and what the API says differ`);
  }
  violations.push(...(await doubles(fleet, submitted)));
  const ours = new Set(ended.map(({ operation }) => operation.id));
  for (const { pid, operation, command } of markedProcesses().filter((process) => ours.has(process.operation)))
    violations.push(`process ${pid} of operation ${operation} is still there: ${command}`);
  violations.push(...(await fleet.stop()));
  const count = (test: (execution: Execution) => boolean) => ended.filter(test).length;
  const cut = (execution: Execution) => execution.steps.some(isCut);
  return {
    violations,
    figures: [
      ['executions', submitted.length],
      ['succeeded', count(({ state }) => state === 'succeeded')],
      ['failed by themselves', count((one) => one.state === 'failed' && !cut(one))],
      ['cut off by the end of their agent', count(cut)],
      ['aborted', count(({ state }) => state === 'aborted')],
      ['given again under a new attempt', count(({ operation }) => operation.attempt > 1)],
      [
        'kills of the coordinator / of an agent / of both / stops of an agent',
        WAYS.map((what) => kills.filter((kill) => kill === what).length).join(' / '),
      ],
      ['journals compared, MB', (bytes / 1e6).toFixed(1)],
    ],
  };
}

async function untilEnded(fleet: Fleet, id: string, deadline: number): Promise<Execution> {
  for (;;) {
    const execution = await persistently(deadline, (signal) =>
      fleet.api.call('getExecution', { params: { id } }, { signal }),
    );
    if (isTerminal(execution.state) || Date.now() > deadline) return execution;
    await sleep(100);
  }
}

async function untilHeldNothing(fleet: Fleet, deadline: number): Promise<string[]> {
  for (;;) {
    const held = await fleet.heldByAgents();
    if (held.length === 0 || Date.now() > deadline) return held;
    await sleep(100);
  }
}

async function readJournal(fleet: Fleet, id: string): Promise<Buffer> {
  const answer = await fleet.api.fetch(`/api/v1/executions/${id}/output?format=journal&limit=${PAGE}`);
  if (!answer.ok) throw new Error(`The output of ${id} cannot be read: ${answer.status} ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** The journal as it is stored: rows of the database while it is short, else a file. */
async function onDisk(fleet: Fleet, { operation }: Execution): Promise<Buffer> {
  const database = new DatabaseSync(path.join(fleet.dataDir, 'outrunner.db'), { readOnly: true });
  const rows = database.prepare('select bytes from journal_piece where operation_id = ? order by number');
  const pieces = rows.all(operation.id).map((row) => Buffer.from(row.bytes as Uint8Array));
  database.close();
  if (pieces.length > 0) return Buffer.concat(pieces);
  const file = path.join(fleet.dataDir, 'journals', operation.id.slice(0, 2), `${operation.id}.journal`);
  return await readFile(file).catch(() => Buffer.alloc(0)); // Never given to an agent.
}

/** Executions that nobody knows of: the same call made twice must be one execution. */
async function doubles(fleet: Fleet, submitted: readonly Submitted[]): Promise<string[]> {
  const known = new Set(submitted.map(({ id }) => id));
  const wrong = known.size === submitted.length ? [] : ['two calls with different keys were given one execution'];
  let cursor: string | undefined;
  do {
    const page = await fleet.api.call('listExecutions', { query: { limit: 200, ...(cursor ? { cursor } : {}) } });
    for (const { id, number, createdAt } of page.items)
      if (!known.delete(id))
        wrong.push(`execution ${number} (${id}, ${createdAt}) is one too many: a call that was repeated made two`);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return [...wrong, ...[...known].map((id) => `execution ${id} was accepted and is missing`)];
}
