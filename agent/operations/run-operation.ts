import { existsSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Clock } from '../../protocol/clock.ts';
import {
  FinishedPayloadSchema,
  jsonPayload,
  MarkPayloadSchema,
  StartedPayloadSchema,
  StepFinishedPayloadSchema,
  type StepReason,
  StepStartedPayloadSchema,
  type StreamName,
  WHOLE_OPERATION,
} from '../../protocol/journal.ts';
import { type Operation, type Step, stepLabel } from '../../protocol/operation.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import { systemCode } from '../agent-exit.ts';
import { prepareStep } from '../executors/prepare-step.ts';
import { type ProcessTree, type Survivor, stopTree } from '../executors/process-tree.ts';
import type { ReadyShell } from '../executors/ready-shell.ts';
import { stepEnvironment } from '../executors/step-environment.ts';
import { type StepEnd, StepProcess } from '../executors/step-process.ts';
import { userName } from '../host/host-facts.ts';
import { scriptsFolder, workFolder } from './operation-place.ts';
import { OutputMeter } from './output-limit.ts';
import type { Spool } from './spool.ts';

/** Bytes of output that may wait for the disk before the step is paused, and below which it goes on. */
const PAUSE_BYTES = 1 << 20;
const RESUME_BYTES = 256 << 10;
/** The longest grace for what an earlier process of the agent left running: nobody watches it any more. */
const ABANDONED_GRACE_MS = 5_000;

export interface RunDeps {
  readonly clock: Clock;
  readonly spool: Spool;
  readonly tree: ProcessTree;
  readonly ready: ReadyShell;
  /** Where the operation lies: its working folder is made there. */
  readonly place: string;
  readonly inherited: Readonly<Record<string, string>>;
}

/** Why a running operation is being stopped. */
export interface StopOrder {
  readonly why: 'cancelled' | 'timeout' | 'output-limit' | 'agent-stopping';
  readonly detail: string;
  readonly graceMs: number;
}

type Outcome = 'succeeded' | 'failed' | 'aborted' | 'timedout';
type StepResult = {
  reason: StepReason;
  exitCode: number | null;
  signal: string | null;
  detail: string;
  survivors: Survivor[];
};

const OUTCOME_OF_STOP = {
  cancelled: 'aborted',
  timeout: 'timedout',
  'output-limit': 'failed',
  'agent-stopping': 'failed',
} as const;
const REASON_OF_STOP = {
  cancelled: 'cancelled',
  timeout: 'timeout',
  'output-limit': 'output-limit',
  'agent-stopping': 'agent-stopped',
} as const;

/** One operation while it runs: its steps one after the other, each told to the journal. */
export class OperationRun {
  readonly #operation: Operation;
  readonly #deps: RunDeps;
  readonly #meter: OutputMeter;
  #process: StepProcess | null = null;
  #order: StopOrder | null = null;
  #stopping: Promise<Survivor[]> | null = null;
  #step = WHOLE_OPERATION;
  #begun: Promise<void> = Promise.resolve();
  #held = false;
  #paused = false;

  constructor(operation: Operation, deps: RunDeps) {
    this.#operation = operation;
    this.#deps = deps;
    this.#meter = new OutputMeter(operation.plan.outputLimit);
  }

  /**
   * Runs to the end and appends the `finished` record. Never rejects for what a step does. `durably`: waits until it would
   * survive a power cut that it began, before the first step starts.
   */
  async run(durably: boolean): Promise<void> {
    const { operation, attempt, plan } = this.#operation;
    const { clock } = this.#deps;
    this.#append('started', StartedPayloadSchema, {
      operation,
      attempt,
      host: hostname(),
      user: userName(),
      version: PRODUCT_VERSION,
    });
    // A journal that is empty after a crash is taken as proof that nothing ran: no step starts before this is in the file.
    const { spool } = this.#deps;
    this.#begun = durably ? spool.durable() : spool.flushed();
    const limit =
      plan.timeoutSeconds === 0
        ? null
        : clock.after(plan.timeoutSeconds * 1000, () =>
            this.stop({
              why: 'timeout',
              detail: `It ran longer than ${plan.timeoutSeconds} s.`,
              graceMs: plan.graceSeconds * 1000,
            }),
          );
    let failure: string | null = null;
    for (const [index, step] of plan.steps.entries()) {
      this.#step = index;
      if (this.#order !== null || (failure !== null && !plan.keepGoing)) {
        this.#stepFinished(skipped(this.#order?.detail ?? 'A step before it failed.'));
        continue;
      }
      const result = await this.#runStep(step, index);
      this.#stepFinished(result);
      if (result.reason !== 'completed') failure ??= `Step ${index + 1} (${stepLabel(step)}): ${result.detail}`;
    }
    limit?.cancel();
    this.#step = WHOLE_OPERATION;
    // Also when it was stopped between two steps: what earlier ones left in the background is stopped with it.
    this.#finish(this.#order, failure, (await this.#stopping) ?? []);
    // A program that a step left in the background on purpose goes on; what outlived a stop was not left on purpose.
    this.#deps.tree.over(this.#order === null);
  }

  /** Stops what runs and skips the rest. A second call ends the grace of the first when it allows less. */
  stop(order: StopOrder): void {
    if (this.#order !== null) {
      if (order.graceMs < this.#order.graceMs) this.#process?.hurry();
      return;
    }
    this.#order = order;
    const { tree, clock } = this.#deps;
    this.#stopping = this.#process?.stop(order.graceMs) ?? stopTree(tree, order.graceMs, clock);
  }

  /** Pauses the output of the step from outside (the disk is nearly full), or lets it go on. */
  hold(held: boolean): void {
    this.#held = held;
    this.#balance();
  }

  /** Tells that the spool has less waiting for the disk. */
  drained(): void {
    if (this.#paused) this.#balance();
  }

  async #runStep(step: Step, index: number): Promise<StepResult> {
    const { operation, plan } = this.#operation;
    const { place, inherited } = this.#deps;
    const env = stepEnvironment(inherited, plan, operation);
    const cwd = workFolder(place);
    try {
      // In place: cheaper than a detour over the thread pool, and the step waits for it anyway.
      if (!existsSync(cwd)) mkdirSync(cwd, { mode: 0o700 });
      const prepared = prepareStep(step, index, scriptsFolder(place), env);
      // And later ones not before it is in the file what became of those before: else a crash would make it look as if they had
      // not run.
      await (index === 0 ? this.#begun : this.#deps.spool.flushed());
      if (!prepared.ok) {
        this.#stepStarted(step, prepared.interpreter, null);
        return { ...skipped(prepared.detail), reason: prepared.reason };
      }
      if (this.#order !== null) return skipped(this.#order.detail);
      const started = new StepProcess({
        commandLine: prepared.commandLine,
        cwd,
        env,
        clock: this.#deps.clock,
        tree: this.#deps.tree,
        ready: this.#deps.ready,
        onOutput: (stream, piece) => this.#output(stream, piece),
      });
      this.#process = started;
      this.#stepStarted(step, prepared.interpreter, started.pid);
      this.#balance();
      const end = await started.ended;
      return await this.#resultOf(end, prepared.interpreter);
    } catch (error) {
      return notStarted(systemCode(error), 'it');
    } finally {
      this.#process = null;
      this.#paused = false;
    }
  }

  async #resultOf(end: StepEnd, interpreter: string): Promise<StepResult> {
    if (end.kind === 'not-started') return notStarted(end.code, interpreter);
    const { exitCode, signal } = end;
    if (end.cut) {
      this.#append('mark', MarkPayloadSchema, {
        mark: 'output-cut',
        detail: 'A process in the background kept the output open; what it prints later is not recorded.',
      });
    }
    if (this.#order !== null) {
      const survivors = (await this.#stopping) ?? [];
      const left = survivors.length === 0 ? '' : ` ${survivors.length} of its processes could not be stopped.`;
      const detail = `${this.#order.detail}${left}`;
      return { reason: REASON_OF_STOP[this.#order.why], exitCode, signal, detail, survivors };
    }
    if (signal !== null) {
      return { reason: 'signalled', exitCode, signal, detail: `It was ended by ${signal}.`, survivors: [] };
    }
    if (exitCode === 0) return { reason: 'completed', exitCode, signal, detail: '', survivors: [] };
    return {
      reason: 'NonZeroResultCode',
      exitCode,
      signal,
      detail: `It ended with exit code ${exitCode}.`,
      survivors: [],
    };
  }

  #finish(order: StopOrder | null, failure: string | null, survivors: Survivor[]): void {
    let outcome: Outcome = failure === null ? 'succeeded' : 'failed';
    let reason = failure ?? '';
    if (order !== null) {
      outcome = OUTCOME_OF_STOP[order.why];
      reason = order.detail;
    }
    this.#append('finished', FinishedPayloadSchema, { outcome, reason, survivors });
  }

  #output(stream: 'stdout' | 'stderr', piece: Uint8Array): void {
    const { bytes, reached } = this.#meter.admit(piece);
    if (bytes > 0) {
      const payload = bytes === piece.length ? piece : piece.subarray(0, bytes);
      this.#deps.spool.append({ kind: 'output', stream, step: this.#step, payload });
      this.#balance();
    }
    if (reached) this.#limitReached();
  }

  /** Says so in the journal, so that nobody takes what is there for all; from here on the output is read and dropped. */
  #limitReached(): void {
    const { action } = this.#operation.plan.outputLimit;
    const most = `It printed more than its limit of ${this.#meter.words}`;
    const detail =
      action === 'stop' ? `${most} and is stopped.` : `${most}: what follows is not recorded; the steps go on.`;
    this.#append('mark', MarkPayloadSchema, { mark: 'output-limit', detail });
    const graceMs = this.#operation.plan.graceSeconds * 1000;
    if (action === 'stop') this.stop({ why: 'output-limit', detail: `${most}.`, graceMs });
  }

  /** Pauses the step while the disk is behind, so that memory never grows with its output. */
  #balance(): void {
    const { queuedBytes } = this.#deps.spool;
    const full = this.#held || queuedBytes > (this.#paused ? RESUME_BYTES : PAUSE_BYTES);
    if (full === this.#paused || this.#process === null) return;
    this.#paused = full;
    if (full) this.#process.pause();
    else this.#process.resume();
  }

  #stepStarted(step: Step, interpreter: string, pid: number | null): void {
    this.#append('step-started', StepStartedPayloadSchema, { label: stepLabel(step), interpreter, pid });
  }

  #stepFinished(result: StepResult): void {
    this.#append('step-finished', StepFinishedPayloadSchema, result);
  }

  #append<Schema extends Parameters<typeof jsonPayload>[0]>(
    kind: 'started' | 'step-started' | 'step-finished' | 'finished' | 'mark',
    schema: Schema,
    payload: Parameters<typeof jsonPayload<Schema>>[1],
  ): void {
    const stream: StreamName = 'none';
    this.#deps.spool.append({ kind, stream, step: this.#step, payload: jsonPayload(schema, payload) });
  }
}

function skipped(detail: string): StepResult {
  return { reason: 'skipped', exitCode: null, signal: null, detail, survivors: [] };
}

function notStarted(code: string, what: string): StepResult {
  const why = code === 'E2BIG' ? 'its command, options and environment are too large for this host' : code;
  return { ...skipped(`${what} could not be started: ${why}.`), reason: 'IOFailure' };
}

export interface AbandonedOperation {
  readonly operation: Operation;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly tree: ProcessTree;
  /** The step that was running. */
  readonly firstOpenStep: number;
  /** What happened, for a person. */
  readonly detail: string;
}

/**
 * Ends an operation that nobody runs any more (an earlier process of the agent left it): stops what is left of it and
 * appends why it failed, so that nothing waits for it for ever.
 */
export async function endAbandoned({
  operation,
  spool,
  clock,
  tree,
  firstOpenStep,
  detail,
}: AbandonedOperation): Promise<void> {
  const graceMs = Math.min(operation.plan.graceSeconds * 1000, ABANDONED_GRACE_MS);
  const survivors = await stopTree(tree, graceMs, clock);
  tree.over(false);
  for (let step = firstOpenStep; step < operation.plan.steps.length; step++) {
    const result: StepResult =
      step === firstOpenStep ? { ...skipped(detail), reason: 'agent-restarted', survivors } : skipped(detail);
    const payload = jsonPayload(StepFinishedPayloadSchema, result);
    spool.append({ kind: 'step-finished', stream: 'none', step, payload });
  }
  const payload = jsonPayload(FinishedPayloadSchema, { outcome: 'failed', reason: detail, survivors });
  spool.append({ kind: 'finished', stream: 'none', step: WHOLE_OPERATION, payload });
}
