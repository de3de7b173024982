import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { LiveEvent } from '../../protocol/api/live.ts';
import { type ManualClock, manualClock } from '../../protocol/clock.ts';
import { NO_OUTPUT_LIMIT, type Operation, type Workflow } from '../../protocol/operation.ts';
import { PROTOCOL_RANGE, type ProtocolRange } from '../../protocol/version.ts';
import type { HeldOperation } from '../../protocol/wire.ts';
import { createExecutions, type Executions } from '../executions/executions.ts';
import { serveExecutions } from '../executions/routes.ts';
import type { StartRequest } from '../executions/start-execution.ts';
import type { Refusal } from '../gateway/enrol-replica.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { serveEnrolment, servePolling } from '../gateway/routes.ts';
import { type ApiServer, createApiServer } from '../http/api-server.ts';
import { Idempotency } from '../http/idempotency.ts';
import { serveJobs } from '../jobs/routes.ts';
import type { Journals } from '../journals/journals.ts';
import { storedJournals } from '../journals/stored-journals.ts';
import { openDataFolder } from '../store/data-folder.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { AnnouncedTrust } from '../trust/announced-trust.ts';
import { insertEnrolment, insertProject, insertRunner, type RunnerChange } from './insert-rows.ts';
import { JournalWriter } from './journal-records.ts';
import { enrolSimulated, SimulatedAgent, type SimulatedIdentity, type SimulatedSettings } from './simulated-agent.ts';
import { storedJournal } from './stored-journal.ts';

/** The credential that the test coordinator knows. */
export const TEST_TOKEN = 'test';

const ACCOUNT = { id: randomUUID(), name: 'tester', role: 'owner' as const };

/**
 * Gateway, executions and jobs over a real database, real files and real sockets, with a clock that the test moves. What
 * other rooms would write (projects, Runners, enrolments) is written by the helper methods here.
 */
export class TestCoordinator {
  readonly clock: ManualClock;
  readonly folder: string;
  readonly refusals: Refusal[] = [];
  readonly events: LiveEvent[] = [];
  /** What it speaks from its next start on; those of this build unless a test says otherwise. */
  protocols: ProtocolRange = PROTOCOL_RANGE;
  store!: Store;
  journals!: Journals;
  gateway!: Gateway;
  executions!: Executions;
  api!: ApiServer;
  url = '';
  #places = { database: '', folder: '' };
  #release: () => void = () => undefined;

  private constructor(folder: string, clock: ManualClock) {
    this.folder = folder;
    this.clock = clock;
  }

  static async start(): Promise<TestCoordinator> {
    const folder = await mkdtemp(join(tmpdir(), 'outrunner-coordinator-'));
    const coordinator = new TestCoordinator(folder, manualClock());
    await coordinator.up();
    return coordinator;
  }

  /** Starts it (again) on its folder. */
  async up(port = 0): Promise<void> {
    const { clock } = this;
    const data = openDataFolder(this.folder);
    this.#release = () => data.release();
    this.#places = { database: data.databasePath, folder: data.journalsPath };
    const log = pino({ level: process.env.TEST_LOG ?? 'silent' });
    const { keys } = data;
    this.store = await openSqliteStore(data.databasePath);
    this.journals = storedJournals({ store: this.store, folder: data.journalsPath });
    const trust = await AnnouncedTrust.open({
      store: this.store,
      clock,
      log,
      signing: keys.signing,
      authorities: null,
    });
    this.gateway = createGateway({
      store: this.store,
      clock,
      log,
      trust,
      protocols: this.protocols,
      recordRefusal: async (refusal) => void this.refusals.push(refusal),
    });
    const live = { heard: true, publish: (event: LiveEvent) => void this.events.push(event) };
    this.executions = createExecutions({
      store: this.store,
      clock,
      log,
      journals: this.journals,
      link: this.gateway.link,
      live,
      publicUrl: () => this.url,
    });
    await this.gateway.start();
    await this.executions.start();
    const find = async (secret: string) => ({
      account: ACCOUNT,
      credential: 'token' as const,
      credentialId: secret,
      scope: 'full' as const,
      csrf: null,
    });
    this.api = createApiServer({
      clock,
      log,
      credentials: { find },
      idempotency: new Idempotency(this.store, clock, keys.derive('idempotency')),
      host: '127.0.0.1',
      port,
      portsToTry: 1,
      publicUrl: null,
      tls: null,
      isProxy: () => false,
      page: null,
      checkAnswers: true,
    });
    serveEnrolment(this.api.serveOpen, this.gateway);
    servePolling(this.api.serveBytes, this.gateway);
    serveExecutions(this.api.serve, this.executions);
    serveJobs(this.api.serve, { store: this.store, clock, live }, this.executions);
    this.gateway.attach(this.api.server);
    this.url = await this.api.listen();
  }

  /** Stops it as a good host does; `start` of another coordinator on the same folder finds everything. */
  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.executions.stop();
    await this.api.stop();
    await this.store.close();
    this.#release();
  }

  /** Stops without saying or saving anything more, as a killed process does (but for what the kernel has already). */
  async crash(): Promise<void> {
    this.gateway.link.handle(DEAF);
    this.api.server.closeAllConnections();
    await this.store.close();
    await Promise.allSettled([this.gateway.stop(), this.executions.stop(), this.api.stop()]);
    this.#release();
  }

  /** Comes back on the same port with the same folder. */
  async restart(how: 'stop' | 'crash' = 'stop'): Promise<void> {
    const port = Number(new URL(this.url).port);
    await this[how]();
    await this.up(port);
  }

  async end(): Promise<void> {
    let isStopped = false;
    const stopped = this.stop().finally(() => {
      isStopped = true;
    });
    // An agent that polled and was killed never fetches its good-bye: the patience with it passes.
    for (; !isStopped; await new Promise((resolve) => setImmediate(resolve))) this.clock.advance(100);
    await stopped;
    await rm(this.folder, { recursive: true, force: true });
  }

  addProject(name = 'Welcome'): Promise<{ id: string; name: string }> {
    return insertProject(this, name);
  }

  async addRunner(name: string, projects: readonly { id: string }[] = [], more: RunnerChange = {}): Promise<string> {
    const id = await insertRunner(this, name, projects, more);
    this.executions.signal.poke();
    return id;
  }

  /** A fresh single-use token for a Runner. */
  addEnrolment(runnerId: string, lifeMs = 3_600_000): Promise<{ id: string; token: string }> {
    return insertEnrolment(this, runnerId, lifeMs);
  }

  /** A new replica of a Runner, enrolled over HTTP. */
  async enrol(runnerId: string): Promise<SimulatedIdentity> {
    const { token } = await this.addEnrolment(runnerId);
    return enrolSimulated(this.url, runnerId, token);
  }

  /** A Runner of a project with one connected agent. */
  async connectedRunner(
    name: string,
    project: { id: string },
    settings: SimulatedSettings & { tags?: string[] } = {},
  ): Promise<{ runnerId: string; agent: SimulatedAgent }> {
    const runnerId = await this.addRunner(name, [project], settings.tags === undefined ? {} : { tags: settings.tags });
    const agent = new SimulatedAgent(await this.enrol(runnerId), { now: () => this.clock.now(), ...settings });
    await agent.connect();
    return { runnerId, agent };
  }

  /** Starts an execution of one command. */
  async run(project: { id: string; name: string }, change: Partial<StartRequest> = {}) {
    return this.executions.run({
      project,
      kind: 'command',
      job: null,
      title: 'true',
      workflow: commands('true'),
      runnerTags: [],
      options: {},
      queueSeconds: 3600,
      leaseSeconds: 600,
      graceSeconds: 10,
      priority: 0,
      outputLimit: NO_OUTPUT_LIMIT,
      user: ACCOUNT,
      ...change,
    });
  }

  /** An execution that `agent`, the only one, was given; accepted unless told otherwise. */
  async given(agent: SimulatedAgent, project: { id: string; name: string }, accept = true): Promise<GivenOperation> {
    const { id } = await this.run(project);
    const operation = await agent.nextOperation();
    const ref = { operation: operation.operation, attempt: operation.attempt };
    if (accept) {
      agent.send({ type: 'accepted', ...ref });
      await eventually(async () => (await this.view(id)).operation.state === 'accepted');
    }
    return { id, operation, ref, journal: new JournalWriter(operation, () => this.clock.now()) };
  }

  /** The journal of an operation as it is stored. */
  storedJournal(operation: string): Promise<Buffer> {
    return storedJournal(this.#places, operation);
  }

  /** One execution as the API shows it now. */
  async view(id: string) {
    return this.executions.view(await this.executions.get(id));
  }

  /** A call of the REST interface; `body` makes it a POST. */
  async call(path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST'): Promise<Response> {
    return fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${TEST_TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

export interface GivenOperation {
  /** Of the execution. */
  readonly id: string;
  readonly operation: Operation;
  readonly ref: { readonly operation: string; readonly attempt: number };
  readonly journal: JournalWriter;
}

/** What an agent says of an operation that it holds from its first record on. */
export function heldOf(ref: GivenOperation['ref'], next: number, finished = false): HeldOperation {
  return { ...ref, first: 0, next, finished, returned: false };
}

/** A workflow of one-line commands. */
export function commands(...lines: string[]): Workflow {
  return {
    steps: lines.map((command) => ({ type: 'command', command, label: '', interpreter: '' })),
    keepGoing: false,
    timeoutSeconds: 0,
  };
}

/** Waits until `look` gives something that is not false, null or undefined, giving sockets and files their turns. */
export async function eventually<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (;;) {
    const seen = await look();
    if (seen !== false && seen !== null && seen !== undefined) return seen;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Hears nothing: what a crashed coordinator does with what still arrives. */
const DEAF = {
  resume: () => new Promise<never>(() => undefined),
  connected: () => undefined,
  heartbeat: () => undefined,
  accepted: () => undefined,
  refused: () => undefined,
  returned: () => undefined,
  frame: async () => null,
  disconnected: () => undefined,
  revoked: () => undefined,
};
