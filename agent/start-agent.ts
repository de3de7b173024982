import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../protocol/clock.ts';
import { IdleMemory } from '../protocol/idle-memory.ts';
import { targetOfHost } from '../protocol/release.ts';
import { PRODUCT_VERSION } from '../protocol/version.ts';
import { type AgentPaths, prepareStateFolder } from './config/agent-paths.ts';
import { keyFileProblem, sweepIdentity } from './config/identity-file.ts';
import { type Limits, readLimits } from './config/limits.ts';
import { type LoadedConfig, loadRunnerConfig } from './config/runner-config.ts';
import { Connection, type ConnectionState } from './connection/keep-connected.ts';
import { createTransport, type Transport } from './connection/transport.ts';
import { CgroupConfinement } from './executors/cgroup-confinement.ts';
import { enterCgroupHome } from './executors/cgroup-home.ts';
import { type Confinement, describeConfinement, searchOnly } from './executors/confinement.ts';
import { forest } from './executors/forest.ts';
import { ReadyShell } from './executors/ready-shell.ts';
import { inheritedEnvironment } from './executors/step-environment.ts';
import { DiskGuard } from './host/disk-guard.ts';
import { keepReserve, withReserve } from './host/disk-reserve.ts';
import { garbageCollector } from './host/garbage-collector.ts';
import { hostFacts } from './host/host-facts.ts';
import { processStart } from './host/process-start.ts';
import { selfChecks } from './host/self-checks.ts';
import { takeStateLock } from './host/state-lock.ts';
import { readStatusFile, StatusWriter } from './host/status-file.ts';
import type { Log } from './log.ts';
import { type Obtained, obtainIdentity } from './obtain-identity.ts';
import { endOrphans } from './operations/end-orphans.ts';
import { EndedLedger } from './operations/ended-ledger.ts';
import { Operations } from './operations/operations.ts';
import { ownProgram } from './update/own-program.ts';
import { TRUSTED_RELEASE_KEYS, type TrustedReleaseKey } from './update/trusted-keys.ts';
import { Updater } from './update/updater.ts';

/** When the agent has to stop steps: how long they get at most, and how long to wait until the coordinator knows. */
export const LEAVE = { graceMs: 10_000, patienceMs: 15_000 } as const;

export interface AgentDeps {
  readonly paths: AgentPaths;
  readonly log: Log;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** Between 0 and 1; for the waits between tries. */
  readonly random: () => number;
  /** Those that it was built with, unless given. */
  readonly trustedKeys?: readonly TrustedReleaseKey[];
}

export type AgentEnd = 'stopped' | 'switch';

export interface RunningAgent {
  /**
   * Resolves with `stopped` after {@link stop}, with `switch` when another version of the agent shall be started in its place;
   * rejects with an AgentExit when it makes no sense to go on.
   */
  readonly ended: Promise<AgentEnd>;
  /**
   * Takes nothing new, hands back what never started, lets what runs finish for a while (`OUTRUNNER_FINISH_SECONDS`), tells
   * the coordinator, says good-bye. Called again it waits no longer: what still runs is stopped.
   */
  stop(reason: string): void;
}

/**
 * Puts the agent together and starts it. Resolves when configuration and state folder are found to be right and are taken;
 * enrolling, what an earlier process left, and the connection follow. The state folder is free again when it has ended.
 */
export async function startAgent(deps: AgentDeps): Promise<RunningAgent> {
  const { paths, env } = deps;
  const loaded = await loadRunnerConfig(paths.config, env);
  const limits = readLimits(env);
  await prepareStateFolder(paths.state);
  const release = await withReserve(paths.state, () => takeStateLock(paths.state));
  const stop = Promise.withResolvers<string>();
  const hurry = new AbortController();
  let isAsked = false;
  // Beside all that follows: it takes the kernel up to 30 ms.
  const confining = confine(paths.state, limits, deps);
  const wish = { asked: stop.promise, hurry: hurry.signal };
  // oxlint-disable-next-line typescript/no-misused-promises -- the type says void, yet finally() waits for a promise
  const ended = serve(deps, loaded, limits, wish, confining).finally(release);
  return {
    ended,
    stop(reason) {
      if (isAsked) hurry.abort();
      isAsked = true;
      stop.resolve(reason);
    },
  };
}

interface StopWish {
  /** Why the agent shall stop, as soon as it shall. */
  readonly asked: Promise<string>;
  readonly hurry: AbortSignal;
}

async function serve(
  deps: AgentDeps,
  loaded: LoadedConfig,
  limits: Limits,
  wish: StopWish,
  confining: Promise<Confinement>,
): Promise<AgentEnd> {
  try {
    return await work(deps, loaded, limits, wish, confining);
  } finally {
    await (await confining).close();
  }
}

async function work(
  deps: AgentDeps,
  loaded: LoadedConfig,
  limits: Limits,
  wish: StopWish,
  confining: Promise<Confinement>,
): Promise<AgentEnd> {
  const { paths, clock, log, random } = deps;
  const before = await readStatusFile(paths.state);
  const transport = createTransport(loaded.config);
  const host = hostFacts();
  const stopAsked = wish.asked;
  await sweepIdentity(paths.state);
  const obtained = await obtainIdentity({ loaded, transport, host, state: paths.state, clock, log, random, stopAsked });
  if (obtained === null) return 'stopped';
  const confinement = await confining;
  const switching = Promise.withResolvers<null>();
  const leave = () => switching.resolve(null);
  const parts = await assemble(deps, obtained, transport, limits, confinement, leave);
  const { operations, connection, updater, disk, status } = parts;
  try {
    await operations.recover();
    await updater.start();
    // Beside the new work: what was left cannot be taken for it.
    const orphans = endOrphans({ clock, log, confinement, operations, before, root: operationsFolder(paths) });
    orphans.catch((error: unknown) =>
      log.error('What an earlier agent left could not be ended.', { detail: String(error) }),
    );
    const connected = connection.run();
    // null: another version takes over.
    const reason = await Promise.race([stopAsked, connected.then(() => ''), switching.promise]);
    updater.stop();
    wish.hurry.addEventListener('abort', () => operations.hurry());
    if (wish.hurry.aborted) operations.hurry();
    if (operations.load().running > 0) log.info(`Waiting up to ${limits.finishMs / 1000} s for what still runs.`);
    await operations.stop({ ...LEAVE, detail: reason ?? 'The agent is being upgraded.', finishMs: limits.finishMs });
    await connection.stop(reason);
    await connected;
    return reason === null ? 'switch' : 'stopped';
  } catch (error) {
    // The coordinator turned this agent away for good: nobody waits for its work, and nobody could stop it any more.
    const detail = 'The coordinator has turned this agent away.';
    await operations.stop({ ...LEAVE, detail, finishMs: 0 });
    throw error;
  } finally {
    disk.stop();
    await obtained.trust.close();
    await status.stop();
  }
}

interface Parts {
  readonly operations: Operations;
  readonly connection: Connection;
  readonly updater: Updater;
  readonly disk: DiskGuard;
  readonly status: StatusWriter;
}

function operationsFolder(paths: AgentPaths): string {
  return join(paths.state, 'operations');
}

/** What holds the processes of operations together on this host, or why nothing does. */
async function confine(state: string, { cgroups }: Limits, { clock, log }: AgentDeps): Promise<Confinement> {
  if (!cgroups) return searchOnly('switched off by OUTRUNNER_CGROUPS');
  const home = await enterCgroupHome(state).catch((error: unknown) => ({ reason: String(error) }));
  if ('reason' in home) return searchOnly(home.reason);
  const onTrouble = (detail: string) => log.warn('A control group could not be used.', { detail });
  return new CgroupConfinement(home, { clock, onTrouble });
}

async function assemble(
  deps: AgentDeps,
  { identity, trust }: Obtained,
  transport: Transport,
  limits: Limits,
  confinement: Confinement,
  leave: () => void,
): Promise<Parts> {
  const { paths, clock, log, env, random } = deps;
  const root = operationsFolder(paths);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const startedAt = clock.now();
  const start = (await processStart(process.pid)) ?? '';
  log.info('How stops find what they stop.', { way: describeConfinement(confinement) });
  const keys = await keyFileProblem(paths.state);
  if (keys !== null) log.warn(keys);
  let state: ConnectionState = { connected: false, since: startedAt, lastError: null };

  const disk = new DiskGuard({
    folder: paths.state,
    floorBytes: limits.diskFloorBytes,
    clock,
    onChange(problem) {
      if (problem === null) log.info('There is room on the disk again.');
      else log.error(problem);
      if (problem === null) void keepReserve(paths.state, log);
      operations.holdOutput(problem !== null);
      status.changed();
    },
  });
  const memory = new IdleMemory(clock, garbageCollector());
  memory.idle();
  const inherited = inheritedEnvironment(env);
  const operations = new Operations({
    clock,
    log,
    identity,
    isSigned: (text, signature) => trust.isSigned(text, signature),
    root,
    ledger: await EndedLedger.open(join(root, 'ended.jsonl'), clock),
    maximum: limits.maximum,
    inherited,
    ready: new ReadyShell(inherited, clock),
    forest: forest(clock, confinement),
    diskProblem: () => disk.problem,
    onDiskTrouble: (code) => disk.refused(code),
    onChange() {
      status.changed();
      const { running, queued } = operations.load();
      if (running + queued === 0) memory.idle();
      else memory.busy();
    },
  });
  const checks = () => selfChecks({ disk: disk.problem, keys, skewMs: operations.skewMs });
  const updater = new Updater({
    clock,
    log,
    random,
    transport,
    trusted: deps.trustedKeys ?? TRUSTED_RELEASE_KEYS,
    target: targetOfHost(process.platform, process.arch),
    program: ownProgram(paths.state, env),
    executable: process.execPath,
    allowed: limits.upgrades,
    work: operations,
    leave,
  });
  const connection = new Connection({
    clock,
    log,
    transport,
    identity,
    host: hostFacts(),
    instance: randomBytes(32).toString('base64url'),
    startedAt,
    work: operations,
    upgrades: updater,
    trust,
    checks,
    random,
    onState(next) {
      state = next;
      void status.write();
    },
  });
  const time = (ms: number) => new Date(ms).toISOString();
  const compose = () => ({
    pid: process.pid,
    start,
    version: PRODUCT_VERSION,
    runner: identity.runner,
    replica: identity.replica,
    coordinator: transport.origin.origin,
    startedAt: time(startedAt),
    writtenAt: time(clock.now()),
    connected: state.connected,
    connectionSince: time(state.since),
    lastError: state.lastError,
    skewMs: operations.skewMs,
    load: operations.load(),
    operations: operations
      .runningNow()
      .map(({ operation, attempt, project, job }) => ({ operation, attempt, project, job: job?.name ?? null })),
    confinement: { kind: confinement.kind, detail: confinement.detail },
    checks: checks(),
    trust: trust.told(),
  });
  const status = new StatusWriter(paths.state, clock, compose, (code) =>
    log.warn('The status file could not be written.', { code }),
  );
  await disk.start();
  if (disk.problem === null) await keepReserve(paths.state, log);
  return { operations, connection, updater, disk, status };
}
