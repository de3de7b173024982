import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { LiveEvent } from '../../protocol/api/live.ts';
import { type ManualClock, manualClock } from '../../protocol/clock.ts';
import type { Workflow } from '../../protocol/operation.ts';
import { createExecutions, type Executions } from '../executions/executions.ts';
import { serveExecutions } from '../executions/routes.ts';
import type { StartRequest } from '../executions/start-execution.ts';
import type { Refusal } from '../gateway/enrol-replica.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { serveEnrolment } from '../gateway/routes.ts';
import { type ApiServer, createApiServer } from '../http/api-server.ts';
import { Idempotency } from '../http/idempotency.ts';
import { serveJobs } from '../jobs/routes.ts';
import { fileJournals } from '../journals/file-journals.ts';
import type { Journals } from '../journals/journals.ts';
import { openDataFolder } from '../store/data-folder.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { enrolSimulated, SimulatedAgent, type SimulatedIdentity, type SimulatedSettings } from './simulated-agent.ts';

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
  store!: Store;
  journals!: Journals;
  gateway!: Gateway;
  executions!: Executions;
  api!: ApiServer;
  url = '';
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
    const log = pino({ level: process.env.TEST_LOG ?? 'silent' });
    const { keys } = data;
    this.store = await openSqliteStore(data.databasePath);
    this.journals = fileJournals(data.journalsPath);
    this.gateway = createGateway({
      store: this.store,
      clock,
      log,
      keys,
      recordRefusal: async (refusal) => void this.refusals.push(refusal),
    });
    const live = { heard: true, publish: (event: LiveEvent) => void this.events.push(event) };
    this.executions = createExecutions({
      store: this.store,
      clock,
      log,
      keys,
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
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async addProject(name = 'Welcome'): Promise<{ id: string; name: string }> {
    const id = randomUUID();
    const now = this.clock.now();
    const row = {
      id,
      name,
      name_key: name.toLowerCase(),
      label: name,
      description: '',
      selection: 'automatic' as const,
    };
    await this.store.write((tx) =>
      tx
        .insertInto('project')
        .values({ ...row, created_at: now, updated_at: now })
        .execute(),
    );
    return { id, name };
  }

  async addRunner(
    name: string,
    projects: readonly { id: string }[] = [],
    more: { tags?: string[]; replicas?: 'single' | 'several'; maximum?: number } = {},
  ): Promise<string> {
    const id = randomUUID();
    const now = this.clock.now();
    await this.store.write(async (tx) => {
      await tx
        .insertInto('runner')
        .values({
          id,
          name,
          name_key: name.toLowerCase(),
          description: name,
          max_operations: more.maximum ?? 50,
          replica_mode: more.replicas ?? 'single',
          mode: 'active',
          mode_reason: null,
          mode_by: null,
          mode_until: null,
          mode_since: null,
          status_last: 'New',
          status_since: now,
          created_at: now,
          updated_at: now,
        })
        .execute();
      for (const [position, tag] of (more.tags ?? ['linux']).entries()) {
        await tx.insertInto('runner_tag').values({ runner_id: id, position, tag, tag_key: tag }).execute();
      }
      for (const project of projects) {
        const flags = { as_node: 1 as const, remote_dispatch: 0 as const, node_filter: '.*' };
        await tx
          .insertInto('assignment')
          .values({ runner_id: id, project_id: project.id, ...flags })
          .execute();
      }
    });
    this.executions.signal.poke();
    return id;
  }

  /** A fresh single-use token for a Runner. */
  async addEnrolment(runnerId: string, lifeMs = 3_600_000): Promise<{ id: string; token: string }> {
    const token = `ore_${randomBytes(32).toString('base64url')}`;
    const id = randomUUID();
    const now = this.clock.now();
    const none = { downloaded_at: null, used_at: null, revoked_at: null, replica_id: null };
    const token_hash = createHash('sha256').update(token).digest('hex');
    await this.store.write((tx) =>
      tx
        .insertInto('enrolment')
        .values({ id, runner_id: runnerId, token_hash, created_at: now, expires_at: now + lifeMs, ...none })
        .execute(),
    );
    return { id, token };
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
      user: ACCOUNT,
      ...change,
    });
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
  frame: async () => null,
  disconnected: () => undefined,
  revoked: () => undefined,
};
