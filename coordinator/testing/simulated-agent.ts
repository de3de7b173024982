import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { WebSocket } from 'ws';
import { EnrolResponseSchema, enrolmentAnswer, enrolmentProof, type HostFacts } from '../../protocol/enrolment.ts';
import { encodeRecord, type JournalRecord } from '../../protocol/journal.ts';
import { type Operation, OperationSchema } from '../../protocol/operation.ts';
import { ProblemSchema } from '../../protocol/problems.ts';
import { type HeldTrust, type ToldTrust, type TrustAnnouncement, weighTrust } from '../../protocol/trust.ts';
import type { Upgradable } from '../../protocol/upgrade.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import {
  CONNECT_PATH,
  ENROL_PATH,
  type FromAgent,
  type HeldOperation,
  helloSigningText,
  journalFrameHeader,
  operationSigningText,
  rejectionSigningText,
  type SelfCheck,
  type ToAgent,
  ToAgentSchema,
  welcomeSigningText,
} from '../../protocol/wire.ts';
import { isSignedBy } from '../gateway/signatures.ts';
import { PollingSocket } from './polling-socket.ts';

type Heard<Type extends ToAgent['type']> = Extract<ToAgent, { type: Type }>;

/** Who a simulated agent is: what the real one keeps in `identity.json`. */
export interface SimulatedIdentity {
  readonly url: string;
  readonly runner: string;
  readonly replica: string;
  readonly coordinatorPublicKey: string;
  readonly signingKey: KeyObject;
  /** What it believes. Absent: an agent of a version that pins one key for good. */
  readonly trust?: HeldTrust;
}

/** What an agent believes that was just unpacked from a package with this key. */
export function packageTrust(publicKey: string): HeldTrust {
  return { keys: [publicKey], former: [], serial: 0, authorities: null };
}

export const HOST_FACTS: HostFacts = {
  hostname: 'simulated',
  os: 'linux',
  osVersion: 'none',
  arch: 'x64',
  user: 'nobody',
  pid: 1,
  agentVersion: '0.1.0',
  installPath: '/nowhere',
};

export interface EnrolmentKeys {
  readonly signing: KeyObject;
  readonly signingPublic: string;
  readonly sealingPublic: string;
}

export function makeEnrolmentKeys(): EnrolmentKeys {
  const signing = generateKeyPairSync('ed25519');
  const sealing = generateKeyPairSync('x25519');
  return {
    signing: signing.privateKey,
    signingPublic: rawPublic(signing.publicKey),
    sealingPublic: rawPublic(sealing.publicKey),
  };
}

function rawPublic(key: KeyObject): string {
  const { x } = key.export({ format: 'jwk' });
  if (x === undefined) throw new Error('This key has no raw public half.');
  return x;
}

function signed(key: KeyObject, text: string): string {
  return sign(null, Buffer.from(text), key).toString('base64url');
}

/**
 * Enrols over HTTP as an agent does; with `trust`, as one that can be told of other keys. Rejects with
 * {@link EnrolmentRefused} when the coordinator says no.
 */
export async function enrolSimulated(
  url: string,
  runner: string,
  token: string,
  keys: EnrolmentKeys = makeEnrolmentKeys(),
  trust?: HeldTrust,
): Promise<SimulatedIdentity> {
  const claim = { runner, token, signingKey: keys.signingPublic, sealingKey: keys.sealingPublic };
  const answer = await fetch(`${url}${ENROL_PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      protocol: PROTOCOL_VERSION,
      ...claim,
      proof: signed(keys.signing, enrolmentProof(claim)),
      host: HOST_FACTS,
      ...(trust === undefined ? {} : { trust: toldOf(trust) }),
    }),
  });
  const body: unknown = await answer.json();
  if (!answer.ok) throw new EnrolmentRefused(ProblemSchema.parse(body).code);
  const { replica, coordinatorPublicKey, signature, trust: news } = EnrolResponseSchema.parse(body);
  const held = trust === undefined || news === undefined ? trust : weighed(trust, news).held;
  const isBelieved = held === undefined || held.keys.includes(coordinatorPublicKey);
  if (!isBelieved || !isSignedBy(coordinatorPublicKey, enrolmentAnswer(replica, claim), signature)) {
    throw new Error('The answer to the enrolment is not signed by the coordinator.');
  }
  const identity = { url, runner, replica, coordinatorPublicKey, signingKey: keys.signing };
  return held === undefined ? identity : { ...identity, trust: held };
}

function toldOf({ keys, serial }: HeldTrust): ToldTrust {
  return { keys, serial };
}

function weighed(held: HeldTrust, announced: TrustAnnouncement): { held: HeldTrust; problem: string | null } {
  const outcome = weighTrust(held, announced, isSignedBy);
  if (outcome.kind === 'changed') return { held: outcome.held, problem: null };
  return { held, problem: outcome.kind === 'ignored' ? outcome.why : null };
}

export class EnrolmentRefused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`The enrolment was refused: ${code}`);
    this.code = code;
  }
}

export interface SimulatedSettings {
  readonly maximum?: number;
  /** Time of the agent's own clock. */
  readonly now?: () => number;
  /** Of the process: a restart makes a new one. */
  readonly instance?: string;
  /** `websocket` unless told otherwise. */
  readonly transport?: 'websocket' | 'polling';
  /** false: takes no notice of what it is told about keys while it is connected. */
  readonly heedsTrust?: boolean;
  /** What it speaks; absent: what this build does. */
  readonly protocol?: number;
  /** What it says of upgrades when it connects; absent: nothing, as agents of old. */
  readonly upgradable?: Upgradable;
  /** Gets each message instead of {@link SimulatedAgent.next}, once the agent is welcome: for many agents and messages. */
  readonly onMessage?: (message: ToAgent, agent: SimulatedAgent) => void;
}

/**
 * An agent without processes: speaks the real protocol and does what a test or a benchmark tells it. Keeps what it heard,
 * so that a test can wait for a message whether or not it has come already.
 */
export class SimulatedAgent {
  readonly identity: SimulatedIdentity;
  readonly heard: ToAgent[] = [];
  readonly instance: string;
  closeCode: number | null = null;
  /** What it believes; null: an agent of a version that pins one key for good. */
  trust: HeldTrust | null;
  #socket: WebSocket | PollingSocket | null = null;
  readonly #events = new EventEmitter();
  readonly #settings: SimulatedSettings;
  /** What was heard and not yet returned by `next`. */
  #fresh: ToAgent[] = [];
  #isWelcome = false;
  /** Of its last hello. */
  #nonce = '';

  constructor(identity: SimulatedIdentity, settings: SimulatedSettings = {}) {
    this.identity = identity;
    this.#settings = settings;
    this.trust = identity.trust ?? null;
    this.instance = settings.instance ?? randomBytes(32).toString('base64url');
    this.#events.setMaxListeners(0);
  }

  /** Connects and shakes hands; resolves with the welcome, rejects when it is turned away. */
  async connect(held: readonly HeldOperation[] = [], running = 0): Promise<Heard<'welcome'>> {
    await this.open();
    const challenge = await this.next('challenge');
    const hello = this.#hello(challenge.nonce, held, running);
    this.#nonce = hello.nonce;
    this.send(hello);
    const answer = await this.next('welcome', 'rejected');
    if (answer.type === 'rejected') {
      if (answer.trust !== undefined) this.#weigh(answer.trust);
      throw new ConnectionRefused(answer.code, this.isProven(answer));
    }
    const isNew = answer.trust !== undefined && this.#weigh(answer.trust);
    const text = welcomeSigningText(hello.nonce, this.identity.replica, answer.epoch);
    if (!this.#isBelieved(text, answer.signature)) throw new Error('The welcome is not signed by the coordinator.');
    if (isNew) this.#note(null);
    return answer;
  }

  /** Whether a rejection is signed with a key that it believes, for what it said last. */
  isProven({ code, proof }: Pick<Heard<'rejected'>, 'code' | 'proof'>): boolean {
    const text = rejectionSigningText(this.#nonce, this.identity.replica, code);
    return proof !== undefined && this.#isBelieved(text, proof.signature);
  }

  /** Whether this was signed with a key that it believes. */
  #isBelieved(text: string, signature: string): boolean {
    const keys = this.trust?.keys ?? [this.identity.coordinatorPublicKey];
    return keys.some((key) => isSignedBy(key, text, signature));
  }

  /** Returns whether it changed what it believes. */
  #weigh(announced: TrustAnnouncement): boolean {
    const before = this.trust;
    if (before === null) return false;
    const { held, problem } = weighed(before, announced);
    this.trust = held;
    if (problem !== null) this.#note(problem);
    return held !== before;
  }

  #note(problem: string | null): void {
    if (this.trust !== null) this.send({ type: 'trust-noted', ...toldOf(this.trust), problem });
  }

  /** Opens the socket and says nothing. */
  async open(): Promise<void> {
    this.heard.length = 0;
    this.#fresh = [];
    this.#isWelcome = false;
    this.closeCode = null;
    const socket = this.#makeSocket();
    this.#socket = socket;
    // What an earlier socket still says is of an earlier session.
    const isPresent = () => this.#socket === socket;
    socket.on('message', (data: Buffer) => {
      if (!isPresent()) return;
      const message = ToAgentSchema.parse(JSON.parse(data.toString('utf8')));
      const { onMessage, heedsTrust = true } = this.#settings;
      if (message.type === 'trust' && heedsTrust && this.#weigh(message)) this.#note(null);
      if (onMessage !== undefined && this.#isWelcome) {
        onMessage(message, this);
        return;
      }
      this.#isWelcome ||= message.type === 'welcome';
      this.heard.push(message);
      this.#fresh.push(message);
      this.#events.emit('heard');
    });
    socket.on('close', (code: number) => {
      if (!isPresent()) return;
      this.closeCode = code;
      this.#events.emit('heard');
    });
    socket.on('error', () => this.#events.emit('heard'));
    await once(socket, 'open');
  }

  #makeSocket(): WebSocket | PollingSocket {
    if (this.#settings.transport === 'polling') return new PollingSocket(this.identity.url);
    const url = new URL(CONNECT_PATH, this.identity.url);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return new WebSocket(url, { perMessageDeflate: false });
  }

  #hello(coordinatorNonce: string, held: readonly HeldOperation[], running: number) {
    const nonce = randomBytes(32).toString('base64url');
    const { protocol = PROTOCOL_VERSION } = this.#settings;
    const signedPart = { replica: this.identity.replica, instance: this.instance, nonce, protocol };
    const now = this.#settings.now?.() ?? Date.now();
    return {
      type: 'hello' as const,
      ...signedPart,
      host: HOST_FACTS,
      startedAt: now,
      time: now,
      signature: signed(this.identity.signingKey, helloSigningText(coordinatorNonce, signedPart)),
      transport: this.#settings.transport ?? ('websocket' as const),
      proxy: null,
      running,
      queued: 0,
      maximum: this.#settings.maximum ?? 50,
      operations: [...held],
      ...(this.trust === null ? {} : { trust: toldOf(this.trust) }),
      ...(this.#settings.upgradable === undefined ? {} : { upgradable: this.#settings.upgradable }),
    };
  }

  send(message: FromAgent): void {
    this.sendRaw(JSON.stringify(message));
  }

  /** Sends whatever it is given: for what no honest agent sends. */
  sendRaw(data: string | Uint8Array): void {
    this.#socket?.send(data);
  }

  beat(
    operations: { operation: string; attempt: number }[] = [],
    checks: SelfCheck[] = [],
    more: { delivering?: { operation: string; attempt: number }[]; accepting?: boolean } = {},
  ): void {
    const load = { running: operations.length, queued: 0, maximum: this.#settings.maximum ?? 50 };
    const time = this.#settings.now?.() ?? Date.now();
    const rest = { delivering: [], accepting: true, ...more };
    this.send({ type: 'heartbeat', time, ...load, checks, operations, ...rest });
  }

  /** Sends journal records of an operation in one frame. */
  sendRecords(operation: string, attempt: number, records: readonly JournalRecord[]): void {
    this.sendFrame(operation, attempt, Buffer.concat(records.map(encodeRecord)));
  }

  sendFrame(operation: string, attempt: number, records: Uint8Array): void {
    this.sendRaw(Buffer.concat([journalFrameHeader(operation, attempt), records]));
  }

  /** Bytes that wait to be sent. */
  get unsent(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** The next message of one of these types that was not returned before. Rejects when the connection ends first. */
  async next<Type extends ToAgent['type']>(...types: Type[]): Promise<Heard<Type>> {
    for (;;) {
      const at = this.#fresh.findIndex((message) => types.some((type) => type === message.type));
      if (at >= 0) return this.#fresh.splice(at, 1)[0] as Heard<Type>;
      if (this.closeCode !== null) throw new Error(`The connection was closed with ${this.closeCode}.`);
      await once(this.#events, 'heard');
    }
  }

  /** The next operation that is offered, its signature checked. */
  async nextOperation(): Promise<Operation> {
    const { payload, signature } = await this.next('operation');
    if (!this.#isBelieved(operationSigningText(payload), signature)) {
      throw new Error('The operation is not signed by the coordinator.');
    }
    return OperationSchema.parse(JSON.parse(payload));
  }

  /** Resolves with the last acknowledgement of an operation. */
  async finalAck(): Promise<Heard<'ack'>> {
    for (;;) {
      const ack = await this.next('ack');
      if (ack.final) return ack;
    }
  }

  /** Resolves with the code when the connection is over. */
  async closed(): Promise<number> {
    while (this.closeCode === null) await once(this.#events, 'heard');
    return this.closeCode;
  }

  /** Breaks the connection as a killed process does. */
  kill(): void {
    this.#socket?.terminate();
  }

  /** Stops reading from the socket, as a process that hangs does. */
  hang(): void {
    this.#socket?.pause();
  }
}

export class ConnectionRefused extends Error {
  readonly code: string;
  /** It was signed with a key that the agent believes: it counts. */
  readonly isProven: boolean;

  constructor(code: string, isProven: boolean) {
    super(`The connection was refused: ${code}`);
    this.code = code;
    this.isProven = isProven;
  }
}
