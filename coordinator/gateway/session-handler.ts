import type { Logger } from 'pino';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { HEARTBEAT_MS } from '../../protocol/status.ts';
import { PROTOCOL_RANGE, type ProtocolRange } from '../../protocol/version.ts';
import { CLOSE, type FromAgent, type Hello, welcomeSigningText } from '../../protocol/wire.ts';
import type { Store } from '../store/store.ts';
import { admitAgent, isGenuine } from './admit-agent.ts';
import type { Refusal } from './enrol-replica.ts';
import type { PresenceTable } from './presence-table.ts';
import { rejection } from './rejection.ts';
import { ReplicaState } from './replica-state.ts';
import type { RoundTrips } from './round-trips.ts';
import type { UpgradeIntake, WorkIntake } from './runner-link.ts';
import type { Session, SessionHandler } from './session.ts';
import { SharedKeys } from './shared-keys.ts';
import { spreadMs } from './spread.ts';
import { SILENCE_MS } from './sweep.ts';
import type { TrustBook, TrustIntake } from './trust-book.ts';

/** A session that was heard of this recently is alive: a second process with its identity is a duplicate, no restart. */
const ALIVE_MS = 2 * HEARTBEAT_MS + 2_000;
/** A polling agent asks again within this time after each answer. */
const BETWEEN_POLLS_MS = 2_000;
/** A change of skew smaller than this is the network's jitter. */
const SKEW_STEP_MS = 1_000;
const ROUND_TRIP_MS = 20_000;
/** One object for all of the thousands that say so, or say nothing of it. */
const UPGRADABLE = { can: true, why: '' };
const NOT_UPGRADABLE = { can: false, why: 'This version of the agent knows nothing of upgrades.' };

export interface SessionDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trust: TrustBook;
  /** Those of this build, unless a test says otherwise. */
  readonly protocols?: ProtocolRange;
  recordRefusal(refusal: Refusal): Promise<void>;
  arrived?(): void;
  passed?(bytes: number): void;
  readonly table: PresenceTable;
  readonly trips: RoundTrips;
  intake(): WorkIntake | null;
  upgrades(): UpgradeIntake | null;
  trustIntake(): TrustIntake | null;
  /** The session is over. */
  settled(session: Session): void;
  /** It said who it is, or is over without having said so. Once for each session. */
  proven(): void;
}

/** What the gateway does with each message of an agent. */
export function sessionHandler(deps: SessionDeps): SessionHandler & { greet(session: Session): void } {
  const { store, clock, log, trust, table, trips } = deps;
  const refusedLately = new Map<string, number>();
  const sharedKeys = new SharedKeys();
  let beat = { time: 0, text: '' };

  function greet(session: Session): void {
    session.send({
      type: 'challenge',
      nonce: session.nonce,
      protocol: (deps.protocols ?? PROTOCOL_RANGE).current,
      oldestProtocol: (deps.protocols ?? PROTOCOL_RANGE).oldestUpgradable,
      time: clock.now(),
    });
  }

  async function hello(session: Session, message: Hello): Promise<void> {
    session.state = 'verifying';
    const told = message.trust === undefined ? null : sharedKeys.of(message.trust);
    session.hello = { nonce: message.nonce, replica: message.replica };
    session.told = told;
    session.believed = told?.keys ?? [];
    try {
      const admitted = await admitAgent(deps, session.nonce, message, session.address);
      if (isOver(session)) return;
      session.epoch = admitted.epoch;
      session.instance = message.instance;
      if (told === null) session.believed = [admitted.believedKey ?? trust.firstKey];
      let state = table.get(admitted.replicaId);
      if (state === undefined) {
        const { replicaId, runnerId, maxOperations } = admitted;
        state = new ReplicaState(replicaId, runnerId, trust.firstKey, message.maximum, maxOperations);
        table.add(state);
      }
      if (state.session !== null && !evict(state.session, session, state)) return;
      const resume = (await deps.intake()?.resume(admitted.replicaId, message.operations)) ?? [];
      // While the journals were looked at, a younger session may have come, or the identity may have been revoked.
      if (isOver(session)) return;
      if (table.get(admitted.replicaId) !== state) throw new OutrunnerError('replica-revoked');
      if (state.session !== null && !evict(state.session, session, state)) return;
      state.speaksProtocol = admitted.speaksProtocol;
      state.trustProblem = admitted.trustProblem;
      welcome(session, state, message, admitted.maxOperations);
      const publicKey = trust.signerFor(session.believed);
      const news = told === null ? null : trust.newsFor(told);
      session.send({
        type: 'welcome',
        epoch: admitted.epoch,
        time: clock.now(),
        heartbeatMs: HEARTBEAT_MS,
        silenceMs: SILENCE_MS,
        maximum: admitted.maxOperations,
        publicKey,
        signature: trust.sign(welcomeSigningText(message.nonce, message.replica, admitted.epoch), publicKey),
        ...(news === null ? {} : { trust: news }),
        spreadMs: spreadMs(table.size),
        resume: [...resume],
      });
      deps.arrived?.();
      deps.intake()?.connected(admitted.replicaId, message.operations);
      deps.upgrades()?.connected(admitted.replicaId);
      deps.trustIntake()?.connected(admitted.replicaId, told);
      trips.measure(state, ROUND_TRIP_MS).then(
        () => table.changed(state),
        (error) => log.debug({ err: error, replica: state.replicaId }, 'the first round trip was not measured'),
      );
    } catch (error) {
      await refuse(session, message.replica, error);
      const isOfProtocol =
        error instanceof OutrunnerError && (error.code === 'protocol-unsupported' || error.code === 'protocol-too-new');
      if (isOfProtocol) await endIfGone(session, message);
    }
  }

  /** An agent that was turned away came in the place of another: the session of that one ends, if nobody is there any more. */
  async function endIfGone(session: Session, message: Hello): Promise<void> {
    const old = table.get(message.replica)?.session ?? null;
    if (old === null || isAlive(old)) return;
    try {
      if (await isGenuine(store, session.nonce, message)) old.terminate();
    } catch (error) {
      log.error({ err: error, replica: message.replica }, 'it could not be looked at who was turned away');
    }
  }

  function isAlive(session: Session): boolean {
    // A polling agent that was killed leaves no closed socket behind, only a call that broke off.
    const now = clock.monotonic();
    const isThere = !session.link.brokenOff && session.link.absentFor(now) <= BETWEEN_POLLS_MS;
    return isThere && now - session.heardAt <= ALIVE_MS;
  }

  /** Ends `old` in favour of `fresh`. Returns false when `fresh` is the older one and was ended instead. */
  function evict(old: Session, fresh: Session, state: ReplicaState): boolean {
    if (old.epoch > fresh.epoch) {
      fresh.close(CLOSE.superseded, 'session-superseded');
      return false;
    }
    if (old.instance !== fresh.instance && isAlive(old)) {
      const at = clock.now();
      state.duplicateSeenAt = at;
      log.warn({ replica: state.replicaId, old: old.address, fresh: fresh.address }, 'two agents use one identity');
      const detail = `Another process connected with this identity from ${fresh.address}.`;
      old.send(rejection(trust, old, new OutrunnerError('session-superseded', { detail })));
      const write = store.write((tx) =>
        tx.updateTable('replica').set({ duplicate_seen_at: at }).where('id', '=', state.replicaId).execute(),
      );
      write.catch((error) => log.error({ err: error, replica: state.replicaId }, 'a duplicate could not be recorded'));
    }
    old.close(CLOSE.superseded, 'session-superseded');
    return true;
  }

  function welcome(session: Session, state: ReplicaState, message: Hello, maxOperations: number): void {
    const now = clock.now();
    deps.proven();
    session.state = 'open';
    session.replica = state;
    session.heardAt = clock.monotonic();
    state.session = session;
    state.connectedSince = now;
    state.saidGoodbye = false;
    state.saysAccepting = true;
    believes(session, state, message.trust?.serial ?? null);
    state.runnerMaximum = maxOperations;
    state.startedAt = Number.isFinite(message.startedAt) ? Math.round(message.startedAt) : null;
    state.address = session.address;
    state.transport = message.transport;
    state.transportReason = message.transportReason ?? null;
    state.proxy = message.proxy;
    state.upgradable = message.upgradable?.can ? UPGRADABLE : (message.upgradable ?? NOT_UPGRADABLE);
    state.skewMs = Math.round(message.time - now);
    state.setLoad(message.running, message.queued, message.maximum, unfinished(message));
    table.heard(state, now);
    table.changed(state);
  }

  async function refuse(session: Session, replicaId: string, error: unknown): Promise<void> {
    const known = error instanceof OutrunnerError;
    if (!known || error.status >= 500) log.error({ err: error, replica: replicaId }, 'a handshake failed');
    const problem = known ? error : new OutrunnerError('internal', { cause: error });
    session.send(rejection(trust, session, problem));
    session.close(CLOSE.rejected, problem.code);
    if (problem.status >= 500) return;
    // An agent that tries again and again must not fill the table.
    const key = `${replicaId} ${problem.code} ${session.address}`;
    const now = clock.monotonic();
    if (now - (refusedLately.get(key) ?? Number.NEGATIVE_INFINITY) < 10_000) return;
    if (refusedLately.size > 10_000) refusedLately.clear();
    refusedLately.set(key, now);
    try {
      const row = await store.read
        .selectFrom('replica')
        .select('runner_id')
        .where('id', '=', replicaId)
        .executeTakeFirst();
      const { code, message: detail } = problem;
      await deps.recordRefusal({ runnerId: row?.runner_id ?? null, code, detail, address: session.address });
    } catch (failure) {
      log.error({ err: failure, replica: replicaId }, 'a refusal could not be recorded');
    }
  }

  function heartbeat(state: ReplicaState, message: Extract<FromAgent, { type: 'heartbeat' }>): void {
    const now = clock.now();
    let changed = state.setLoad(message.running, message.queued, message.maximum, message.operations);
    const skew = Math.round(message.time - now);
    if (state.skewMs === null || Math.abs(skew - state.skewMs) >= SKEW_STEP_MS) {
      state.skewMs = skew;
      changed = true;
    }
    if (message.accepting !== state.saysAccepting) {
      state.saysAccepting = message.accepting;
      changed = true;
    }
    if (!sameChecks(state, message.checks)) {
      state.checks = message.checks;
      changed = true;
    }
    if (changed) table.changed(state);
    if (beat.time !== now) beat = { time: now, text: JSON.stringify({ type: 'beat', time: now }) };
    state.session?.sendText(beat.text);
    deps.intake()?.heartbeat(state.replicaId, message.operations, message.delivering);
  }

  function goodbye(session: Session, state: ReplicaState): void {
    state.saidGoodbye = true;
    table.changed(state);
    const write = store.write((tx) =>
      tx
        .updateTable('replica')
        .set({ said_goodbye: 1, last_seen: state.lastSeen })
        .where('id', '=', state.replicaId)
        .execute(),
    );
    write.catch((error) => log.error({ err: error, replica: state.replicaId }, 'a good-bye could not be recorded'));
    session.close(1000, 'goodbye');
  }

  /** Notes what the agent of a session believes. */
  function believes(session: Session, state: ReplicaState, serial: number | null): void {
    state.believedKey = session.believed[0] ?? trust.firstKey;
    state.trustSerial = serial;
    state.believes = trust.isReachable(session.believed, serial !== null);
  }

  function trustNoted(
    session: Session,
    state: ReplicaState,
    message: Extract<FromAgent, { type: 'trust-noted' }>,
  ): void {
    const { keys, serial, problem } = message;
    const before = state.believes;
    session.told = sharedKeys.of({ keys, serial });
    session.believed = session.told.keys;
    believes(session, state, serial);
    state.trustProblem = problem;
    if (state.believes !== before) table.changed(state);
    deps.trustIntake()?.noted(state.replicaId, { keys, serial }, problem);
  }

  return {
    greet,
    message(session, message) {
      if (message.type === 'hello') {
        if (session.state !== 'challenged') {
          session.fault('The handshake is over.');
          return;
        }
        void hello(session, message);
        return;
      }
      const state = session.replica;
      if (session.state !== 'open' || state === null) {
        session.fault('The handshake comes first.');
        return;
      }
      session.heardAt = clock.monotonic();
      table.heard(state, clock.now());
      const intake = deps.intake();
      switch (message.type) {
        case 'heartbeat':
          return heartbeat(state, message);
        case 'accepted':
          state.began(message.operation);
          table.changed(state);
          return intake?.accepted(state.replicaId, message);
        case 'refused':
          return intake?.refused(state.replicaId, message, message.code, message.detail);
        case 'returned':
          return intake?.returned(state.replicaId, message, message.reason);
        case 'pong':
          if (!trips.answered(state, message.id)) log.debug({ replica: state.replicaId }, 'a pong came too late');
          return;
        case 'upgrade-report':
          return deps.upgrades()?.reported(state.replicaId, message);
        case 'trust-noted':
          return trustNoted(session, state, message);
        case 'goodbye':
          return goodbye(session, state);
        case 'error':
          log.warn({ replica: state.replicaId, detail: message.detail }, 'the agent reports an error');
          return;
      }
    },
    async frame(session, frame) {
      const state = session.replica;
      const intake = deps.intake();
      if (state === null || intake === null) return 'Nobody takes journals here.';
      session.heardAt = clock.monotonic();
      table.heard(state, clock.now());
      deps.passed?.(frame.records.length);
      return intake.frame(state.replicaId, frame);
    },
    abused(session) {
      log.warn({ replica: session.replica?.replicaId, address: session.address }, 'too many wrong messages');
      session.close(CLOSE.protocolError, 'too many wrong messages');
    },
    closed(session) {
      deps.settled(session);
      const state = session.replica;
      if (state === null) {
        deps.proven();
        return;
      }
      if (state.session !== session) return;
      state.session = null;
      state.connectedSince = null;
      table.changed(state);
      deps.intake()?.disconnected(state.replicaId);
      deps.trustIntake()?.replicasChanged();
    },
    failed(session, error) {
      log.warn({ err: error, replica: session.replica?.replicaId, address: session.address }, 'a session failed');
    },
  };
}

/** The state may have changed while something was awaited: a comparison that the compiler cannot narrow away. */
function isOver(session: Session): boolean {
  return session.state === 'closed';
}

function unfinished(message: Hello): { operation: string }[] {
  return message.operations.filter((one) => !one.finished && !one.returned);
}

function sameChecks(state: ReplicaState, checks: ReplicaState['checks']): boolean {
  if (state.checks.length !== checks.length) return false;
  return checks.every((check, index) => {
    const known = state.checks[index];
    return known?.check === check.check && known.ok === check.ok && known.detail === check.detail;
  });
}
