import { open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunAgentOptions, runAgent, type Way, writeRunnerConfig } from '../bench/harness/agent.ts';
import type { ApiClient } from '../bench/harness/api-client.ts';
import type { CoordinatorProcess } from '../bench/harness/coordinator.ts';
import type { RunningProgram } from '../bench/harness/process.ts';
import type { Execution } from '../protocol/api/executions.ts';
import type { NewRunner, Runner } from '../protocol/api/runners.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { JournalReader, type JournalRecord } from '../protocol/journal.ts';
import type { Report } from './report.ts';

/** What a trial has found so far. */
export class Findings {
  readonly #figures: (readonly [string, string | number])[] = [];
  readonly #violations: string[] = [];

  figure(what: string, value: string | number): void {
    this.#figures.push([what, value]);
  }

  /** Notes a broken promise unless `kept`. */
  promise(kept: boolean, otherwise: string): void {
    if (!kept) this.#violations.push(otherwise);
  }

  get report(): Report {
    return { figures: this.#figures, violations: this.#violations };
  }
}

/** Looks again and again until `look` gives something else than undefined. @throws Error naming `what` after `withinMs`. */
export async function eventually<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`Not within ${withinMs / 1000} s: ${what}.`);
    await sleep(50);
  }
}

export interface StagedAgent {
  program: RunningProgram;
  readonly folder: string;
  readonly runner: Runner;
}

export interface StageOptions extends RunAgentOptions {
  readonly name?: string;
  readonly runner?: Partial<NewRunner>;
  readonly way?: Way;
  readonly wrap?: readonly string[];
}

/** Creates a Runner of the project Welcome, starts its agent in `folder` and waits until it is Healthy. */
export async function stageAgent(
  coordinator: CoordinatorProcess,
  folder: string,
  { name = 'trial-1', runner = {}, way = {}, wrap = [], ...options }: StageOptions = {},
): Promise<StagedAgent> {
  const base = { name, tags: ['trial'], projects: [{ project: 'Welcome' }], ...runner };
  const created = await writeRunnerConfig(coordinator, folder, base, way);
  const agent = { program: runAgent(folder, wrap, options), folder, runner: created };
  await untilStatus(coordinator.api, created.id, 'Healthy', 60_000);
  return agent;
}

export async function untilStatus(api: ApiClient, id: string, status: string, withinMs: number): Promise<Runner> {
  return await eventually(`the Runner is ${status}`, withinMs, async () => {
    const runner = await api.call('getRunner', { params: { id } });
    return runner.status === status ? runner : undefined;
  });
}

export async function runCommand(api: ApiClient, command: string, runnerTags = ['trial']): Promise<Execution> {
  return await api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command, runnerTags } });
}

export async function untilEnded(api: ApiClient, id: string, withinMs: number): Promise<Execution> {
  let last = '';
  try {
    return await eventually(`execution ${id} has ended`, withinMs, async () => {
      const execution = await api.call('getExecution', { params: { id } });
      last = `${execution.state}, ${execution.output.bytes} bytes ${execution.reason}`;
      return isTerminal(execution.state) ? execution : undefined;
    });
  } catch (error) {
    throw new Error(`It has not ended: ${last}`, { cause: error });
  }
}

/** The journal of an execution, read in order from the API, a part at a time. */
export async function* recordsOf(api: ApiClient, id: string): AsyncGenerator<JournalRecord> {
  const reader = new JournalReader();
  for (;;) {
    const at = reader.offset;
    const answer = await api.fetch(`/api/v1/executions/${id}/output?format=journal&from=${at}&limit=${8 << 20}`);
    if (!answer.ok || answer.body === null) throw new Error(`The output cannot be read: ${answer.status}`);
    for await (const chunk of answer.body) yield* reader.push(chunk);
    if (reader.offset === at) return;
  }
}

/** What an execution printed, both streams as they came. For what fits into memory. */
export async function outputOf(api: ApiClient, id: string, stream?: 'stdout' | 'stderr'): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const record of recordsOf(api, id))
    if (record.kind === 'output' && (stream ?? record.stream) === record.stream) parts.push(record.payload);
  return Buffer.concat(parts);
}

/** Bytes of a file from its start; none when it is not there yet. */
export async function readSoFar(file: string): Promise<string> {
  try {
    await using handle = await open(file, 'r');
    return await handle.readFile('utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

export const statePath = (agent: StagedAgent) => path.join(agent.folder, 'state');
