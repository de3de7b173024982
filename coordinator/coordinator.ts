import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DestinationStream } from 'pino';
import { type Clock, systemClock } from '../protocol/clock.ts';
import { IdleMemory } from '../protocol/idle-memory.ts';
import { createExecutions } from './executions/executions.ts';
import { serveExecutions } from './executions/routes.ts';
import { makeAdmin, makeWelcome, openOwnerTicket } from './first-start/first-start.ts';
import { createGateway } from './gateway/gateway.ts';
import { serveEnrolment, servePolling } from './gateway/routes.ts';
import { type ApiServer, createApiServer } from './http/api-server.ts';
import { consoleFiles } from './http/console-files.ts';
import { serveDocumentation } from './http/documentation.ts';
import { Idempotency } from './http/idempotency.ts';
import { type Logger, openLog } from './http/log.ts';
import { type IsProxy, peerAddress, trustedProxies } from './http/trusted-proxy.ts';
import { StoredCredentials } from './identity/credentials.ts';
import { serveIdentity } from './identity/routes.ts';
import { serveJobs } from './jobs/routes.ts';
import { storedJournals } from './journals/stored-journals.ts';
import { LiveHub } from './live/live-hub.ts';
import { serveLive } from './live/routes.ts';
import { serveMetrics } from './metrics/metrics.ts';
import { releaseFolder } from './packages/release-folder.ts';
import { servePackages } from './packages/routes.ts';
import { type GarbageCollector, garbageCollector } from './process/garbage-collector.ts';
import { passingMemory } from './process/passing-memory.ts';
import { announceProject } from './projects/announce-project.ts';
import { serveProjects } from './projects/routes.ts';
import { serveRunners } from './runners/routes.ts';
import { Runners } from './runners/runners.ts';
import type { Settings } from './settings/settings-table.ts';
import { agentSocket } from './ssh-install/agent-socket.ts';
import { serveSshInstalls } from './ssh-install/routes.ts';
import { type ThisComputer, thisComputer } from './ssh-install/this-computer.ts';
import { StartError } from './start-error.ts';
import { type DataFolder, openDataFolder } from './store/data-folder.ts';
import { openSqliteStore } from './store/sqlite-store.ts';
import type { Store } from './store/store.ts';
import { AnnouncedTrust } from './trust/announced-trust.ts';
import { leadsToAuthority, readAuthorities } from './trust/authorities.ts';
import { serveTrust } from './trust/routes.ts';
import { Trust } from './trust/trust.ts';
import { serveReleases } from './upgrades/release-download.ts';
import { serveUpgrades } from './upgrades/routes.ts';
import { Upgrades } from './upgrades/upgrades.ts';

const HOUR_MS = 3_600_000;
/** With --port-search, so many ports are tried. */
const PORTS_TO_TRY = 21;

export interface CoordinatorOptions {
  readonly settings: Settings;
  /** The host's own by default; tests move one of their own. */
  readonly clock?: Clock;
  /** Where the log goes; standard error by default. */
  readonly logTo?: DestinationStream;
  /** Parses every answer through its schema. For tests. */
  readonly checkAnswers?: boolean;
  /** That of this process by default; tests look at when it is asked. */
  readonly collector?: GarbageCollector;
  /** The computer that it runs on; found out by default. */
  readonly here?: ThisComputer;
}

/** A coordinator that answers. */
export interface Coordinator {
  /** Where it listens. */
  readonly url: string;
  /** Where people and Runners reach it. */
  readonly publicUrl: string;
  readonly dataDir: string;
  /** Signs the owner in. */
  readonly ownerTicket: string;
  /** Resolves with the password of `admin` when this start made that account; else with null. */
  readonly adminPassword: Promise<string | null>;
  readonly store: Store;
  /** Finishes what is under way, within about five seconds, and lets go of the data folder. */
  stop(): Promise<void>;
}

/**
 * Starts a coordinator in this process and resolves when it answers.
 * @throws StartError with one line for a person when a setting, the data folder or the port cannot be used.
 */
export async function createCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { settings } = options;
  const clock = options.clock ?? systemClock();
  const isProxy = trustedProxies(settings.trustedProxy);
  const tls = readTls(settings);
  const ca = settings.tlsCa === null ? null : readAuthorities(readSettingFile('tls-ca', settings.tlsCa));
  const { log, flush } = openLog({
    level: settings.logLevel,
    format: settings.logFormat,
    clock,
    ...(options.logTo === undefined ? {} : { to: options.logTo }),
  });
  const undo: (() => unknown)[] = [flush];
  try {
    const folder = openDataFolder(settings.dataDir);
    undo.push(() => folder.release());
    const store = await openSqliteStore(folder.databasePath);
    undo.push(() => store.close());
    const running = await start({ ...options, clock, log, folder, store, isProxy, tls, ca });
    return {
      ...running,
      dataDir: folder.path,
      store,
      async stop() {
        await running.stop();
        for (const step of undo.reverse()) await step();
      },
    };
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

interface Ground extends CoordinatorOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly folder: DataFolder;
  readonly store: Store;
  readonly isProxy: IsProxy;
  readonly tls: { readonly key: string; readonly cert: string } | null;
  readonly ca: string | null;
}

/** Wires the rooms together. The only place that knows all of them. */
async function start(ground: Ground) {
  const { settings, clock, log, folder, store, isProxy } = ground;
  const { keys } = folder;
  if (ground.tls !== null && ground.ca !== null && !leadsToAuthority(ground.tls.cert, ground.ca)) {
    log.warn('the certificate of --tls-cert is of none of the authorities in --tls-ca: Runners will not take it');
  }
  await makeWelcome(ground);
  const ownerTicket = openOwnerTicket(folder);
  const coordinatorId = await openCoordinatorId(store);
  const live = new LiveHub(clock);
  const credentials = new StoredCredentials(store, clock, (error) =>
    log.error({ err: error }, 'last use was not saved'),
  );
  const api = createApiServer({
    clock,
    log,
    credentials,
    idempotency: new Idempotency(store, clock, keys.derive('idempotency')),
    host: settings.host,
    port: settings.port,
    portsToTry: settings.portSearch ? PORTS_TO_TRY : 1,
    publicUrl: settings.publicUrl,
    tls: ground.tls,
    isProxy,
    page: consoleFiles(settings.rendererDir),
    checkAnswers: ground.checkAnswers ?? false,
  });
  const publicUrl = () => api.publicUrl;
  const collector = ground.collector ?? garbageCollector();
  const announced = await AnnouncedTrust.open({ store, clock, log, signing: keys.signing, authorities: ground.ca });
  const gateway = createGateway({
    store,
    clock,
    log,
    trust: announced,
    recordRefusal: (refusal) => runners.recordRefusal(refusal),
    enrolled: (id) =>
      runners.written(id, 'updated').catch((error: unknown) => {
        // It is enrolled all the same, and shown with its first connection.
        log.error({ err: error, runner: id }, 'a Runner could not be read again');
      }),
    passed: passingMemory(collector.recent),
    arrived: () => settle(),
    addressOf: (request) => peerAddress(request, isProxy),
  });
  const journals = storedJournals({ store, folder: folder.journalsPath });
  const executions = createExecutions({ store, clock, log, journals, link: gateway.link, live, publicUrl });
  const { signal } = executions;
  const runners: Runners = new Runners({ store, clock, log, live, presence: gateway.presence, tokens: keys, signal });
  const agents = releaseFolder(settings.agentsDir);
  const tickets = { folder: agents, secret: keys.derive('release-tickets') };
  const upgrades = new Upgrades({ store, clock, log, live, link: gateway.link, index: runners.index, ...tickets });
  const trust = new Trust({
    store,
    clock,
    log,
    live,
    link: gateway.link,
    index: runners.index,
    announced,
    stopping: api.stopping,
  });
  const memory = new IdleMemory(clock, collector.everything);
  /** Something has come to its end: when nothing else follows, what it left behind is given back. */
  const settle = () => {
    memory.busy();
    if (executions.records.isEmpty) memory.idle();
  };
  executions.onOver(({ row }) => {
    if (row.runner_id !== null) runners.workEnded(row.runner_id);
    settle();
  });

  await gateway.start();
  await runners.start();
  await executions.start();
  await upgrades.start();
  trust.start();

  const { serve } = api;
  serveIdentity(serve, {
    store,
    clock,
    live,
    ownerTicket,
    sessionLifetimeMs: settings.sessionHours * HOUR_MS,
    coordinator: {
      id: coordinatorId,
      embedded: settings.embedded,
      publicKey: () => announced.publicKey,
      url: publicUrl,
    },
  });
  const projectChanged = (name: string) => announceProject({ store, live, log }, name);
  serveProjects(serve, { store, clock, live, runnersChanged: (ids) => runners.assignmentsGone(ids) });
  serveRunners(serve, runners, gateway.presence, async () => (await agents.release())?.manifest.productVersion ?? null);
  const packages = servePackages(serve, {
    store,
    clock,
    tokens: keys,
    folder: agents,
    settings: () => ({
      coordinatorUrl: publicUrl(),
      publicKey: announced.publicKey,
      succession: announced.succession,
      proxy: settings.runnerProxy,
      ca: ground.ca,
    }),
    runner: (id) => runners.index.need(id),
    written: (id) => runners.written(id, 'updated'),
  });
  const sshInstalls = serveSshInstalls(serve, {
    store,
    clock,
    log,
    live,
    packages,
    presence: gateway.presence,
    runner: (id) => runners.index.need(id),
    publicUrl,
    agentSocket: agentSocket(process.platform, process.env),
    // The owner of an embedded coordinator sits at it.
    here: settings.embedded ? (ground.here ?? thisComputer()) : null,
  });
  serveUpgrades(serve, upgrades);
  serveReleases(api, { ...tickets, clock });
  serveTrust(api, { clock, trust, announced });
  serveJobs(serve, { store, clock, live, projectChanged }, executions);
  serveExecutions(serve, executions);
  serveLive(serve, live);
  serveEnrolment(api.serveOpen, gateway);
  servePolling(api.serveBytes, gateway);
  serveMetrics(serve, { clock, store, runners, counts: api.counts });
  serveDocumentation(api);

  gateway.attach(api.server);
  const url = await listen(api, stopRooms);
  folder.announce({ url, pid: process.pid });
  log.info({ url, dataDir: folder.path }, 'the coordinator answers');
  const adminPassword = settings.embedded ? Promise.resolve(null) : makeAdmin(ground);
  // It is shown by whoever started us; here only its failure is news.
  adminPassword
    .catch((error: unknown) => log.error({ err: error }, 'the account admin could not be made'))
    // To hash a password takes much memory for a moment.
    .finally(() => memory.idle());

  async function stopRooms(): Promise<void> {
    await sshInstalls.stop();
    live.stop();
    // Together: an open Runner connection would keep the server from closing.
    await Promise.all([api.stop(), gateway.stop()]);
    await trust.stop();
    await upgrades.stop();
    await executions.stop();
    await runners.stop();
    await credentials.stop();
  }

  return {
    url,
    publicUrl: api.publicUrl,
    ownerTicket,
    adminPassword,
    async stop() {
      log.info('the coordinator stops');
      await adminPassword.catch(() => null);
      await stopRooms();
    },
  };
}

async function listen(api: ApiServer, giveUp: () => Promise<void>): Promise<string> {
  try {
    return await api.listen();
  } catch (error) {
    await giveUp();
    throw error;
  }
}

/** Who this coordinator is, over restarts and moves to another host. */
async function openCoordinatorId(store: Store): Promise<string> {
  return store.write(async (tx) => {
    const known = await tx.selectFrom('meta').select('value').where('key', '=', 'coordinator-id').executeTakeFirst();
    if (known !== undefined) return known.value;
    const value = randomUUID();
    await tx.insertInto('meta').values({ key: 'coordinator-id', value }).execute();
    return value;
  });
}

function readTls(settings: Settings): { key: string; cert: string } | null {
  if (settings.tlsKey === null || settings.tlsCert === null) return null;
  return { key: readSettingFile('tls-key', settings.tlsKey), cert: readSettingFile('tls-cert', settings.tlsCert) };
}

function readSettingFile(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new StartError('settings', `--${flag}: the file cannot be read (${said}).`, cause);
  }
}
