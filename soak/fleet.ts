import path from 'node:path';
import { heldOnDisk } from '../agent/testing/held-on-disk.ts';
import { runAgent, writeRunnerConfig } from '../bench/harness/agent.ts';
import type { ApiClient } from '../bench/harness/api-client.ts';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import type { RunningProgram } from '../bench/harness/process.ts';
import type { NewRunner } from '../protocol/api/runners.ts';

/** A time in which a program was not there, in milliseconds since the epoch. */
export interface Outage {
  readonly from: number;
  to: number;
}

export interface AgentSeat {
  readonly name: string;
  readonly folder: string;
  readonly outages: Outage[];
  program: RunningProgram;
}

/** An agent that is asked to stop waits so long for what runs, and then stops that too. */
const FINISH = { OUTRUNNER_FINISH_SECONDS: '2' };

export interface FleetOptions {
  readonly agents: number;
  /** The packed executable; absent: the bundle. */
  readonly executable?: string | undefined;
  readonly runner?: Partial<NewRunner>;
}

/** A real coordinator and real agents, each in a process of its own that can be killed and started again on the same folder. */
export class Fleet {
  readonly dataDir: string;
  readonly agents: AgentSeat[] = [];
  readonly outages: Outage[] = [];
  readonly #options: FleetOptions;
  #coordinator: CoordinatorProcess;
  readonly #port: number;
  /** Signed in once: that a sign-in outlives its coordinator is part of the trial. */
  readonly api: ApiClient;

  private constructor(coordinator: CoordinatorProcess, options: FleetOptions) {
    this.#coordinator = coordinator;
    this.#options = options;
    this.dataDir = coordinator.dataDir;
    this.api = coordinator.api;
    this.#port = Number(new URL(coordinator.url).port);
  }

  static async start(work: string, options: FleetOptions): Promise<Fleet> {
    const coordinator = await startCoordinator({ dataDir: path.join(work, 'coordinator') });
    const fleet = new Fleet(coordinator, options);
    for (let n = 1; n <= options.agents; n++) {
      const folder = path.join(work, `agent-${n}`);
      await writeRunnerConfig(coordinator, folder, {
        name: `trial-${n}`,
        tags: ['trial'],
        projects: [{ project: 'Welcome' }],
        ...options.runner,
      });
      fleet.agents.push({ name: `trial-${n}`, folder, outages: [], program: fleet.#run(folder) });
    }
    return fleet;
  }

  get coordinator(): CoordinatorProcess {
    return this.#coordinator;
  }

  async killCoordinator(): Promise<void> {
    this.outages.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
    await this.#coordinator.kill();
  }

  /** Rejects with what it printed when it does not start on the folder that the kill left. */
  async reviveCoordinator(): Promise<void> {
    this.#coordinator = await startCoordinator({ dataDir: this.dataDir, port: this.#port });
    close(this.outages);
  }

  async killAgent(seat: AgentSeat): Promise<void> {
    seat.outages.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
    await seat.program.stop('SIGKILL');
  }

  /** Asks it to stop, and kills it when it is not over after `patienceMs`. Says whether it went by itself. */
  async stopAgent(seat: AgentSeat, patienceMs: number): Promise<boolean> {
    seat.outages.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
    const timer = setTimeout(() => seat.program.child.kill('SIGKILL'), patienceMs);
    const { code } = await seat.program.stop('SIGTERM');
    clearTimeout(timer);
    return code === 0;
  }

  reviveAgent(seat: AgentSeat): void {
    seat.program = this.#run(seat.folder);
    close(seat.outages);
  }

  /** What the agents still hold of operations: nothing, once the coordinator has all of it. */
  async heldByAgents(): Promise<string[]> {
    const folders = this.agents.map(({ folder }) => path.join(folder, 'state', 'operations'));
    return (await Promise.all(folders.map(heldOnDisk))).flat();
  }

  /** Ends all politely; says which did not end as they should. */
  async stop(): Promise<string[]> {
    const ends = await Promise.all(this.agents.map(({ program }) => program.stop('SIGTERM')));
    const end = await this.#coordinator.program.stop('SIGTERM');
    return [...ends, end].flatMap(({ code, signal }) =>
      code === 0 ? [] : [`A program that was asked to stop ended with ${code ?? signal}.`],
    );
  }

  #run(folder: string): RunningProgram {
    const { executable } = this.#options;
    return runAgent(folder, [], { env: FINISH, ...(executable === undefined ? {} : { executable }) });
  }
}

function close(outages: Outage[]): void {
  const last = outages.at(-1);
  if (last !== undefined) last.to = Date.now();
}
