import { lookup } from 'node:dns/promises';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../protocol/clock.ts';
import type { RunnerConfig } from '../../protocol/enrolment.ts';
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';
import { AgentExit, systemCode } from '../agent-exit.ts';
import { type AgentPaths, prepareStateFolder } from '../config/agent-paths.ts';
import { isSpent, keyFileProblem, loadIdentity } from '../config/identity-file.ts';
import { readLimits } from '../config/limits.ts';
import { type LoadedConfig, loadRunnerConfig } from '../config/runner-config.ts';
import { explainFailure, isCertificateProblem, mayBeWebSocketAlone } from '../connection/explain-failure.ts';
import { httpCall } from '../connection/http-call.ts';
import { PollingLink } from '../connection/polling-link.ts';
import { readChallenge } from '../connection/read-challenge.ts';
import { createTransport, type Transport } from '../connection/transport.ts';
import { WebSocketLink } from '../connection/websocket-link.ts';
import { probeCgroups } from '../executors/cgroup-home.ts';
import { describeConfinement, searchOnly } from '../executors/confinement.ts';
import { freeBytes, megabytes } from '../host/disk-guard.ts';
import { describeSkew } from '../host/self-checks.ts';
import { lockHolder } from '../host/state-lock.ts';
import { readStatusFile } from '../host/status-file.ts';
import type { Log } from '../log.ts';
import { beginTrust, isSameCoordinator, trustOfIdentity } from '../trust/begin-trust.ts';
import { describeTrust } from '../trust/describe-trust.ts';
import { Trust } from '../trust/trust.ts';
import { inspectTls } from './check-tls.ts';
import { firstHop, openFirstHop, openTunnel } from './open-tunnel.ts';

export type Finding = {
  readonly check: string;
  /** Null: not looked at, because something before it is wrong or because it does not apply. */
  readonly ok: boolean | null;
  readonly detail: string;
  readonly todo: string;
};

export interface ExamineDeps {
  readonly paths: AgentPaths;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly diskFloorBytes: number;
}

const HOW_TO_GET_GROUPS =
  process.platform === 'linux'
    ? 'A service of systemd gets them with "Delegate=yes", a container with a writable /sys/fs/cgroup.'
    : '';

const NO_LOG: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const good = (detail: string) => ({ ok: true, detail, todo: '' });
const bad = (detail: string, todo: string) => ({ ok: false, detail, todo });
const skipped = (detail: string) => ({ ok: null, detail, todo: '' });
type Verdict = Omit<Finding, 'check'>;

/**
 * Looks at everything between this host and a working connection, in the order in which it is needed, and says of each
 * thing whether it is right and what to do. Changes nothing, and can be run beside a running agent.
 */
export async function examine(deps: ExamineDeps): Promise<Finding[]> {
  const findings: Finding[] = [];
  const note = (check: string, verdict: Verdict) => {
    findings.push({ check, ...verdict });
    return verdict.ok !== false;
  };
  let loaded: LoadedConfig | null = null;
  note(
    'configuration',
    await asVerdict(async () => {
      loaded = await loadRunnerConfig(deps.paths.config, deps.env);
      return good(`${deps.paths.config}: Runner "${loaded.config.runner.name}" of ${loaded.config.coordinator.url}`);
    }),
  );
  // Without a configuration it is not known which folders are meant; none is made on a guess.
  if (loaded === null) return findings;
  note('state folder', await asVerdict(() => checkState(deps)));
  note('stops', await asVerdict(() => checkStops(deps)));
  const { config } = loaded as LoadedConfig;
  note('identity', await asVerdict(() => checkIdentity(deps, config)));
  let transport: Transport;
  let trust: Trust;
  try {
    transport = createTransport(config);
    const present = await loadIdentity(deps.paths.state).catch(() => null);
    // Nothing that is learned here is kept: that is the business of the agent that runs.
    trust = new Trust({ config, transport, log: NO_LOG }, beginTrust(config, present));
    note('trust', good(describeTrust(trust.held, trust.kept)));
  } catch (error) {
    note('proxy', verdictOf(error));
    return findings;
  }
  const way: readonly (readonly [string, () => Promise<Verdict>])[] = [
    ['name', () => checkName(transport)],
    ['tcp', () => checkTcp(transport)],
    ['proxy', () => checkProxy(transport)],
    ['tls', () => checkTls(transport, trust)],
    ['coordinator', () => checkHealth(transport)],
    ['websocket', () => checkWebSocket(transport, deps.clock)],
    ['polling', () => checkPolling(transport, deps.clock, findings.at(-1)?.ok === true)],
    ['clock', () => checkClock(transport, deps.clock)],
  ];
  let blocked = '';
  for (const [check, look] of way) {
    if (blocked !== '') {
      note(check, skipped(`not looked at: ${blocked} has to be right first`));
      continue;
    }
    const isRight = note(check, await asVerdict(look, transport));
    // Without either the clock can still be compared; without what lies below them nothing can.
    if (!isRight && check !== 'websocket' && check !== 'polling') blocked = check;
  }
  return findings;
}

async function asVerdict(look: () => Promise<Verdict>, transport?: Transport): Promise<Verdict> {
  try {
    return await look();
  } catch (error) {
    return verdictOf(error, transport);
  }
}

function verdictOf(error: unknown, transport?: Transport): Verdict {
  if (error instanceof AgentExit) return bad(error.message, error.todo);
  if (transport === undefined) return bad(error instanceof Error ? error.message : String(error), '');
  const { detail, todo } = explainFailure(error, transport);
  return bad(detail, todo);
}

async function checkState({ paths, diskFloorBytes }: ExamineDeps): Promise<Verdict> {
  await prepareStateFolder(paths.state);
  const probe = join(paths.state, `.doctor.${process.pid}`);
  try {
    await writeFile(probe, 'can this be written?', { mode: 0o600 });
  } catch (error) {
    return bad(
      `${paths.state} cannot be written (${systemCode(error)}).`,
      'Make it writable for this user, and free some space.',
    );
  } finally {
    await rm(probe, { force: true });
  }
  const free = await freeBytes(paths.state);
  const room = `${megabytes(free)} MB free at ${paths.state}`;
  if (free >= diskFloorBytes) return good(room);
  return bad(`Only ${room}; ${megabytes(diskFloorBytes)} MB are needed.`, 'Free some space.');
}

/** Stops work without control groups too; only a program that tries hard to hide outlives them there. */
async function checkStops({ paths, env }: ExamineDeps): Promise<Verdict> {
  const holder = await lockHolder(paths.state);
  const status = await readStatusFile(paths.state);
  // The agent that runs may have been started where it may do more, or less, than this process.
  let confinement = holder !== null && status?.pid === holder.pid ? status.confinement : null;
  if (confinement === null && !readLimits(env).cgroups) confinement = searchOnly('switched off by OUTRUNNER_CGROUPS');
  if (confinement === null) {
    const found = await probeCgroups(paths.state);
    confinement = 'reason' in found ? searchOnly(found.reason) : { kind: 'cgroup', detail: found.folder };
  }
  const shown = describeConfinement(confinement);
  if (confinement.kind === 'cgroup') return good(shown);
  return { ok: null, detail: `${shown}.`, todo: HOW_TO_GET_GROUPS };
}

async function checkIdentity({ paths }: ExamineDeps, config: RunnerConfig): Promise<Verdict> {
  const identity = await loadIdentity(paths.state);
  const token = config.enrolment?.token;
  if (identity === null) {
    if (token === undefined)
      return bad('There is no identity and no enrolment token.', 'Download the Runner again from the console.');
    return good('not enrolled yet; "run" will do it with the token of runner.json');
  }
  if (token !== undefined && !(await isSpent(paths.state, token))) {
    return good(`enrolled as replica ${identity.replica}; "run" will enrol anew with the token of runner.json`);
  }
  if (identity.runner.id !== config.runner.id || !isSameCoordinator(trustOfIdentity(identity), config.coordinator)) {
    return bad(
      'The identity belongs to another Runner or coordinator than runner.json.',
      'Name the right folder with --state, or download the Runner again.',
    );
  }
  const keys = await keyFileProblem(paths.state);
  if (keys !== null) return bad(keys, `Run: chmod 600 ${join(paths.state, 'identity.json')}`);
  return good(`enrolled as replica ${identity.replica} since ${identity.enrolledAt}`);
}

async function checkName(transport: Transport): Promise<Verdict> {
  const { host } = firstHop(transport);
  const addresses = await lookup(host, { all: true });
  return good(`${host} is ${addresses.map(({ address }) => address).join(', ')}`);
}

async function checkTcp(transport: Transport): Promise<Verdict> {
  const { host, port } = firstHop(transport);
  const socket = await openFirstHop(transport);
  socket.destroy();
  return good(`${host}:${port} accepts connections`);
}

async function checkProxy(transport: Transport): Promise<Verdict> {
  if (transport.proxy === null) return skipped('no proxy is configured or needed');
  const socket = await openTunnel(transport);
  socket.destroy();
  return good(`${transport.proxyShown} connects to ${transport.origin.host}`);
}

async function checkTls(transport: Transport, trust: Trust): Promise<Verdict> {
  if (transport.origin.protocol === 'http:') return skipped('not encrypted: the coordinator is on this host');
  const facts = await inspectTls(transport);
  const shown = `${facts.protocol}, certificate of "${facts.subject}" by "${facts.issuer}", valid until ${facts.validTo}`;
  if (facts.problem === null) return good(shown);
  const failure = Object.assign(new Error(facts.problem), { code: facts.problem });
  const { detail, todo } = explainFailure(failure, transport);
  if (
    isCertificateProblem(failure) &&
    (await trust.consult()) === null &&
    (await inspectTls(transport)).problem === null
  )
    return good(`${shown}; "run" will take the authorities that the coordinator has announced since`);
  return bad(`${detail} (${shown}; ${facts.problem})`, todo);
}

async function checkHealth(transport: Transport): Promise<Verdict> {
  const answer = await httpCall(transport, 'GET', '/api/v1/health');
  if (answer.status >= 200 && answer.status <= 299) return good(`${transport.origin.origin} answers`);
  return bad(
    `${transport.origin.origin} answers with HTTP ${answer.status}.`,
    'Check that this is the address of the coordinator.',
  );
}

async function checkWebSocket(transport: Transport, clock: Clock): Promise<Verdict> {
  if (transport.setting === 'polling') return skipped('not used: "transport" is set to polling');
  try {
    return spokenBy(await readChallenge((listener) => new WebSocketLink(transport, listener), clock));
  } catch (error) {
    const { detail, todo } = explainFailure(error, transport);
    if (transport.setting === 'websocket')
      return bad(detail, `${todo} Long polling may work: set "transport" to auto.`);
    if (!mayBeWebSocketAlone(error)) return bad(detail, todo);
    return skipped(`does not get through: ${detail} Long polling is used instead.`);
  }
}

async function checkPolling(transport: Transport, clock: Clock, hasWebSocket: boolean): Promise<Verdict> {
  if (hasWebSocket) return skipped('not needed: WebSocket gets through');
  if (transport.setting === 'websocket') return skipped('not used: "transport" is set to websocket');
  const random = () => 0.5;
  const challenge = await readChallenge((listener) => new PollingLink({ transport, clock, random }, listener), clock);
  return spokenBy(challenge);
}

function spokenBy({ protocol, oldestProtocol }: { protocol: number; oldestProtocol: number }): Verdict {
  const spoken = `the coordinator speaks protocol ${oldestProtocol} to ${protocol}, this agent ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}`;
  if (oldestProtocol <= PROTOCOL_VERSION) return good(spoken);
  return bad(`The two ends do not understand each other: ${spoken}.`, 'Upgrade this agent.');
}

async function checkClock(transport: Transport, clock: Clock): Promise<Verdict> {
  const before = clock.now();
  const { headers } = await httpCall(transport, 'GET', '/api/v1/health');
  const there = Date.parse(headers.date ?? '');
  if (Number.isNaN(there)) return skipped('the coordinator does not say its time');
  // The header has whole seconds: half a second is added, and the time of the call is split.
  const skewMs = there + 500 - (before + clock.now()) / 2;
  const text = describeSkew(skewMs);
  if (text === '') return good('the clocks agree within 2 s');
  if (Math.abs(skewMs) < 60_000) return good(text);
  return bad(text, 'Set the clock, best by NTP. Work is done all the same; times in logs are off.');
}
