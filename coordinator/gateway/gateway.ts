import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { WebSocketServer } from 'ws';
import type { Clock } from '../../protocol/clock.ts';
import type { EnrolRequest } from '../../protocol/enrolment.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { ProtocolRange } from '../../protocol/version.ts';
import { CLOSE, CONNECT_PATH, MAX_MESSAGE_BYTES } from '../../protocol/wire.ts';
import type { Presence } from '../presence.ts';
import type { Store } from '../store/store.ts';
import type { AgentLink } from './agent-link.ts';
import { type EnrolResponse, enrolReplica, type Refusal } from './enrol-replica.ts';
import { PollDoor } from './poll-door.ts';
import { PresenceTable } from './presence-table.ts';
import { rejection } from './rejection.ts';
import { ReplicaState } from './replica-state.ts';
import { RoundTrips } from './round-trips.ts';
import type { RunnerLink, UpgradeIntake, WorkIntake } from './runner-link.ts';
import { Session } from './session.ts';
import { sessionHandler } from './session-handler.ts';
import { createSweep } from './sweep.ts';
import type { TrustBook, TrustIntake } from './trust-book.ts';
import { WebSocketLink } from './websocket-link.ts';

/** Connections that have not said who they are: more of them at once are turned away until some have. */
const UNPROVEN_SESSIONS = 2_000;
/** Close code of a session that shall begin anew: an agent connects again after each that it does not know. */
const CONNECT_AGAIN = 1012;
/** How long sessions get to close politely when the coordinator stops. */
const CLOSE_MS = 2_000;

export interface GatewayDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trust: TrustBook;
  /** Those of this build, unless a test says otherwise. */
  readonly protocols?: ProtocolRange;
  /** Keeps why an agent was turned away, so that the wizard can name it. */
  recordRefusal(refusal: Refusal): Promise<void>;
  /** A replica of this Runner came to be. Waited for before its agent hears of it, and so before it can connect. */
  enrolled?(runnerId: string): Promise<void>;
  /** An agent was welcomed. */
  arrived?(): void;
  /** So many bytes of journals have passed through. */
  passed?(bytes: number): void;
  /** The address of a peer, for people; behind a declared proxy not that of the socket. */
  addressOf?(request: IncomingMessage): string;
}

export interface Gateway {
  readonly presence: Presence;
  /** For executions: sending to agents and hearing of their work. */
  readonly link: RunnerLink;
  /** Reads what is known of replicas. Before `attach`. */
  start(): Promise<void>;
  /** Lets agents connect to `server` on `/runner/v1/connect`. */
  attach(server: Server): void;
  /** Answers `POST /runner/v1/poll`, for agents to which no WebSocket gets through. */
  readonly polls: Pick<PollDoor, 'answer' | 'knows'>;
  /** Handles a validated `POST /runner/v1/enrol`. @throws OutrunnerError with the code that the agent shall see. */
  enrol(request: EnrolRequest, address: string): Promise<EnrolResponse>;
  /** Says good-bye to all agents, saves when they were last heard of, and lets go of the server. */
  stop(): Promise<void>;
}

/** The end point that Runners connect to: enrolment, sessions, and what is known of each replica at this instant. */
export function createGateway(deps: GatewayDeps): Gateway {
  const { clock, log, trust } = deps;
  const table = new PresenceTable(deps);
  const trips = new RoundTrips(clock);
  const sessions = new Set<Session>();
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });
  let intake: WorkIntake | null = null;
  let upgrades: UpgradeIntake | null = null;
  let trustIntake: TrustIntake | null = null;
  let unproven = 0;
  let stopping = false;
  let detach = () => {
    // Nothing is attached yet.
  };
  const sweep = createSweep(clock, sessions);
  const handler = sessionHandler({
    ...deps,
    table,
    trips,
    intake: () => intake,
    upgrades: () => upgrades,
    trustIntake: () => trustIntake,
    settled: (session) => {
      sessions.delete(session);
    },
    proven: () => {
      unproven -= 1;
    },
  });

  const polls = new PollDoor({
    clock,
    begin(agentLink, address) {
      if (stopping) throw new OutrunnerError('shutting-down');
      if (unproven >= UNPROVEN_SESSIONS) throw new OutrunnerError('too-many-requests');
      begin(agentLink, address);
    },
  });

  function begin(agentLink: AgentLink, address: string): void {
    const session = new Session(agentLink, address, clock.monotonic(), handler);
    sessions.add(session);
    unproven += 1;
    handler.greet(session);
  }

  function revoke(replicaId: string): void {
    const state = table.get(replicaId);
    if (state === undefined) return;
    const { session } = state;
    table.remove(state);
    session?.send(rejection(trust, session, new OutrunnerError('replica-revoked')));
    session?.close(CLOSE.revoked, 'replica-revoked');
    intake?.revoked(replicaId);
    trustIntake?.replicasChanged();
  }

  function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const path = (request.url ?? '').split('?')[0];
    if (path !== CONNECT_PATH) {
      refuseUpgrade(stream, '404 Not Found');
      return;
    }
    if (stopping || unproven >= UNPROVEN_SESSIONS) {
      refuseUpgrade(stream, '503 Service Unavailable');
      return;
    }
    // Between here and the handshake of the WebSocket a peer can break off; without a listener that ends the process.
    const early = (error: Error) => log.debug({ err: error }, 'a connection broke off before its handshake');
    stream.on('error', early);
    sockets.handleUpgrade(request, stream, head, (socket) => {
      stream.removeListener('error', early);
      const address = deps.addressOf?.(request) ?? request.socket.remoteAddress ?? '';
      begin(new WebSocketLink(socket, stream), address);
    });
  }

  const presence: Presence = {
    ofRunner: (runnerId) => table.ofRunner(runnerId),
    onChange: (listener) => table.onChange(listener),
    async ping(runnerId, timeoutMs) {
      const connected = table.ofRunner(runnerId).filter((state) => state.session !== null);
      const state = connected.sort((a, b) => (b.lastSeen ?? 0) - (a.lastSeen ?? 0))[0];
      const replica = state ?? new ReplicaState('', runnerId, '', 1, 1);
      const roundTripMs = await trips.measure(replica, timeoutMs);
      table.changed(replica);
      return { replicaId: replica.replicaId, roundTripMs };
    },
    revoke,
    setMaximum(runnerId, maximum) {
      for (const state of table.ofRunner(runnerId)) {
        state.runnerMaximum = maximum;
        state.session?.send({ type: 'maximum', maximum });
        table.changed(state);
      }
    },
  };

  const link: RunnerLink = {
    presence,
    replica: (replicaId) => table.get(replicaId) ?? null,
    send(replicaId, message) {
      const session = table.get(replicaId)?.session ?? null;
      session?.send(message);
      return session !== null;
    },
    sign(replicaId, text) {
      return trust.sign(text, trust.signerFor(table.get(replicaId)?.session?.believed ?? []));
    },
    replicas: () => table.all(),
    sendAll(replicaIds, message) {
      const text = JSON.stringify(message);
      for (const id of replicaIds) table.get(id)?.session?.sendText(text);
    },
    reconnect(replicaId) {
      table.get(replicaId)?.session?.close(CONNECT_AGAIN, 'connect again');
    },
    keysChanged() {
      for (const state of table.all()) {
        if (state.session === null) continue;
        const believes = trust.isReachable(state.session.believed, state.trustSerial !== null);
        if (believes === state.believes) continue;
        state.believes = believes;
        table.changed(state);
      }
    },
    reserve(replicaId, operation) {
      const state = table.get(replicaId);
      if (state === undefined) return;
      state.reserve(operation);
      table.changed(state);
    },
    release(replicaId, operation) {
      const state = table.get(replicaId);
      if (state === undefined) return;
      state.release(operation);
      table.changed(state);
    },
    isHeldBack: (replicaId) => table.get(replicaId)?.session?.heldBack ?? false,
    handle(given) {
      intake = given;
    },
    handleUpgrades(given) {
      upgrades = given;
    },
    handleTrust(given) {
      trustIntake = given;
    },
  };

  return {
    presence,
    link,
    polls,
    start: () => table.load(trust.firstKey),
    attach(server) {
      server.on('upgrade', upgrade);
      detach = () => server.off('upgrade', upgrade);
    },
    async enrol(request, address) {
      const response = await enrolReplica(
        {
          ...deps,
          enrolled(replica, revoked) {
            for (const id of revoked) revoke(id);
            const { id, runnerId, believedKey, maxOperations } = replica;
            const state = new ReplicaState(id, runnerId, believedKey, maxOperations, maxOperations);
            state.trustSerial = replica.trustSerial;
            table.add(state);
          },
        },
        request,
        address,
      );
      await deps.enrolled?.(request.runner);
      trustIntake?.replicasChanged();
      return response;
    },
    async stop() {
      stopping = true;
      detach();
      sweep.cancel();
      const closed = [...sessions].map(
        (session) =>
          new Promise<void>((resolve) => {
            session.onGone = resolve;
          }),
      );
      const open = [...sessions];
      for (const session of open) session.close(CLOSE.shuttingDown, 'shutting-down');
      const late = clock.after(CLOSE_MS, () => {
        for (const session of open) session.terminate();
      });
      await Promise.all(closed);
      late.cancel();
      await table.stop();
    },
  };
}

function refuseUpgrade(stream: Duplex, status: string): void {
  stream.on('error', () => stream.destroy());
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
