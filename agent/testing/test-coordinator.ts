import { randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { EnrolRequestSchema, enrolmentAnswer, enrolmentProof, type RunnerConfig } from '../../protocol/enrolment.ts';
import { decodeJournal, type JournalRecord } from '../../protocol/journal.ts';
import type { Operation, Plan, StepInput } from '../../protocol/operation.ts';
import { NO_OUTPUT_LIMIT, StepSchema } from '../../protocol/operation.ts';
import { POLL_PATH } from '../../protocol/polling.ts';
import { OutrunnerError, type ProblemCode, toProblem } from '../../protocol/problems.ts';
import { TRUST_PATH, type TrustAnnouncement } from '../../protocol/trust.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import {
  CONNECT_PATH,
  ENROL_PATH,
  type FromAgent,
  FromAgentSchema,
  type Hello,
  helloSigningText,
  operationSigningText,
  readJournalFrame,
  rejectionSigningText,
  type ToAgent,
  welcomeSigningText,
} from '../../protocol/wire.ts';
import { isSignedBy } from '../config/key-pair.ts';
import { PollDesk, type PolledSocket } from './polled-socket.ts';
import { SigningKeys } from './signing-keys.ts';

type Said<Type extends FromAgent['type']> = Extract<FromAgent, { type: Type }>;

/** What a test may bend. */
export interface Behaviour {
  heartbeatMs: number;
  silenceMs: number;
  maximum: number;
  /** Answer each heartbeat with a beat. */
  beats: boolean;
  /** Sign with a key that is not the pinned one. */
  wrongKey: boolean;
  /** Spoil the signature of the welcome. */
  badSignature: boolean;
  /** Turn the agent away at the handshake. */
  reject: ProblemCode | null;
  /** Sign what it says to an agent that it turns away. */
  provesRejections: boolean;
  /** Announce new keys and authorities in the handshake. */
  announces: boolean;
  /** Store records and acknowledge them. */
  acknowledges: boolean;
  /** Added to the clock that the agent is told. */
  clockOffsetMs: number;
  /** Refuse enrolments with this. */
  refuseEnrolment: ProblemCode | null;
  /** Over how long the agents shall spread what all of them do; undefined: not said, as before it could be. */
  spreadMs: number | undefined;
  /** Cut the connection instead of answering the next enrolments, after they have been done. */
  loseEnrolmentAnswers: number;
}

interface Journal {
  records: JournalRecord[];
  next: number;
}

type SocketOfAgent = Pick<WebSocket, 'close' | 'terminate' | 'pause' | 'resume'> & { send(data: string): void };

/** One session as the coordinator sees it. */
export interface ServerSession {
  readonly hello: Hello;
  readonly socket: SocketOfAgent;
  send(message: ToAgent): void;
}

/**
 * A small coordinator that speaks the real protocol over real sockets: enrolment, handshake, journals with numbered
 * acknowledgement. It checks what the agent says as strictly as the real one must.
 */
export class TestCoordinator {
  readonly behaviour: Behaviour = {
    heartbeatMs: 200,
    silenceMs: 3_000,
    maximum: 50,
    beats: true,
    wrongKey: false,
    badSignature: false,
    reject: null,
    provesRejections: true,
    announces: true,
    acknowledges: true,
    clockOffsetMs: 0,
    refuseEnrolment: null,
    spreadMs: undefined,
    loseEnrolmentAnswers: 0,
  };
  readonly runner = { id: randomUUID(), name: 'Test Runner' };
  token = newToken();
  readonly events = new EventEmitter().setMaxListeners(0);
  readonly heard: FromAgent[] = [];
  readonly journals = new Map<string, Journal>();
  /** Faults that the agent made: a test that ends with one here has failed. */
  readonly faults: string[] = [];
  session: ServerSession | null = null;
  sessions = 0;
  /** WebSockets that were asked for. */
  upgrades = 0;
  enrolments = 0;
  replica = { id: randomUUID(), signingKey: '' };
  readonly keys = new SigningKeys();
  /** Of {@link TRUST_PATH}: how often it was asked, and the headers that came with it. */
  readonly trustCalls: IncomingHttpHeaders[] = [];
  /** Keys that the agent said it believes. */
  #told: readonly string[];
  #tls: { key: string; cert: string } | null;
  #server: Server | null = null;
  #sockets: WebSocketServer | null = null;
  #polls = new PollDesk(() => undefined);
  #port = 0;
  #tokenSpent = false;

  constructor(tls: { key: string; cert: string } | null = null) {
    this.#told = this.keys.keys;
    this.#tls = tls;
  }

  get url(): string {
    return `${this.#tls ? 'https' : 'http'}://localhost:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get publicKey(): string {
    return this.keys.newest;
  }

  config(): RunnerConfig {
    return {
      version: 1,
      coordinator: { url: this.url, publicKey: this.publicKey },
      runner: this.runner,
      enrolment: { token: this.token, expiresAt: '2099-01-01T00:00:00.000Z' },
    };
  }

  /** Listens; on the port of before when it was stopped in between, or on one that somebody else has left. */
  async start(port?: number): Promise<this> {
    this.#port = port ?? this.#port;
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    this.#server = this.#tls ? createTlsServer(this.#tls, answer) : createServer(answer);
    this.#polls = new PollDesk((socket) => {
      socket.on('fault', (fault: string) => this.faults.push(fault));
      this.#serve(socket);
    });
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: 8 << 20 });
    this.#server.on('upgrade', (request, socket, head) => {
      if (request.url !== CONNECT_PATH) return socket.destroy();
      this.upgrades += 1;
      this.#sockets?.handleUpgrade(request, socket, head, (ws) => this.#serve(ws));
    });
    this.#server.listen(this.#port, 'localhost');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Another certificate, for connections from now on. */
  useCertificate(tls: { key: string; cert: string }): void {
    this.#tls = tls;
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(tls);
  }

  /** Tells the agent that is connected what holds now. */
  announce(): void {
    const { spreadMs } = this.behaviour;
    if (this.keys.announcement !== null) this.session?.send({ type: 'trust', ...this.keys.announcement, spreadMs });
  }

  /** Gives out a fresh token, as for a package that is downloaded again; the one before is worth nothing then. */
  renew(): string {
    this.token = newToken();
    this.#tokenSpent = false;
    return this.token;
  }

  /** Ends all sockets and stops listening. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets?.clients ?? []) socket.terminate();
    const server = this.#server;
    this.#server = null;
    this.session = null;
    server?.closeAllConnections();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  /** Resolves with the session when an agent is welcome (now or later). */
  async connected(): Promise<ServerSession> {
    if (this.session) return this.session;
    const [session] = await once(this.events, 'session');
    return session as ServerSession;
  }

  /** Resolves when no session is open: that an agent is gone is heard some time after it has ended. */
  async disconnected(): Promise<void> {
    while (this.session) await once(this.events, 'closed');
  }

  /** Resolves with the next session that opens. */
  async nextSession(): Promise<ServerSession> {
    const [session] = await once(this.events, 'session');
    return session as ServerSession;
  }

  /** Resolves with the first message of this type that fits, from those heard so far or later. */
  async said<Type extends FromAgent['type']>(
    type: Type,
    fits: (message: Said<Type>) => boolean = () => true,
  ): Promise<Said<Type>> {
    const isIt = (message: FromAgent): message is Said<Type> => message.type === type && fits(message as Said<Type>);
    for (;;) {
      const found = this.heard.find(isIt);
      if (found) return found;
      await once(this.events, 'message');
    }
  }

  /** The text of an operation for the replica that is enrolled, and its signature. */
  makeOperation(steps: readonly StepInput[], plan: Partial<Plan> = {}, change: Partial<Operation> = {}) {
    const now = Date.now() + this.behaviour.clockOffsetMs;
    const operation: Operation = {
      operation: randomUUID(),
      execution: randomUUID(),
      attempt: 1,
      runner: this.runner.id,
      replica: this.replica.id,
      project: 'test',
      job: null,
      user: 'tester',
      issuedAt: now,
      acceptBefore: now + 60_000,
      plan: {
        steps: steps.map((step) => StepSchema.parse(step)),
        keepGoing: false,
        timeoutSeconds: 0,
        graceSeconds: 2,
        outputLimit: NO_OUTPUT_LIMIT,
        options: {},
        environment: {},
        ...plan,
      },
      ...change,
    };
    const payload = JSON.stringify(operation);
    return { operation, payload, signature: this.sign(operationSigningText(payload)) };
  }

  sign(text: string): string {
    return this.keys.signWith(this.keys.keyFor(this.#told), text);
  }

  /** Offers an operation in the present session and returns its id. */
  async offer(steps: readonly StepInput[], plan: Partial<Plan> = {}, change: Partial<Operation> = {}): Promise<string> {
    const session = await this.connected();
    const { operation, payload, signature } = this.makeOperation(steps, plan, change);
    session.send({ type: 'operation', payload, signature });
    return operation.operation;
  }

  journal(operation: string, attempt = 1): Journal {
    const key = `${operation}.${attempt}`;
    let journal = this.journals.get(key);
    if (!journal) {
      journal = { records: [], next: 0 };
      this.journals.set(key, journal);
    }
    return journal;
  }

  /** Resolves with the whole journal once its last record is stored. */
  async finished(operation: string, attempt = 1): Promise<readonly JournalRecord[]> {
    for (;;) {
      const { records } = this.journal(operation, attempt);
      if (records.at(-1)?.kind === 'finished') return records;
      await once(this.events, 'records');
    }
  }

  /** Resolves when a record of this kind is stored. */
  async recorded(operation: string, fits: (record: JournalRecord) => boolean): Promise<JournalRecord> {
    for (;;) {
      const found = this.journal(operation).records.find(fits);
      if (found) return found;
      await once(this.events, 'records');
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, body: unknown) => {
      response.writeHead(status, {
        'content-type': 'application/json',
        date: new Date(Date.now() + this.behaviour.clockOffsetMs).toUTCString(),
      });
      response.end(JSON.stringify(body));
    };
    const no = (code: ProblemCode) => {
      const problem = toProblem(new OutrunnerError(code));
      say(problem.status, problem);
    };
    if (request.url === '/api/v1/health') return say(200, { status: 'ok' });
    if (request.url === TRUST_PATH) {
      this.trustCalls.push(request.headers);
      return this.keys.announcement === null ? no('not-found') : say(200, this.keys.announcement);
    }
    if (request.url === POLL_PATH) return this.#polls.answer(request, response);
    if (request.url !== ENROL_PATH) return no('not-found');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const parsed = EnrolRequestSchema.safeParse(JSON.parse(Buffer.concat(chunks).toString()));
    if (!parsed.success) {
      this.faults.push(`enrol: ${parsed.error.message}`);
      return no('invalid-input');
    }
    const body = parsed.data;
    if (!isSignedBy(body.signingKey, enrolmentProof(body), body.proof)) this.faults.push('enrol: the proof is wrong');
    if (this.behaviour.refuseEnrolment) return no(this.behaviour.refuseEnrolment);
    if (body.token !== this.token) return no('enrolment-token-unknown');
    // The same request again is answered again: its answer may have been lost.
    if (this.#tokenSpent && body.signingKey !== this.replica.signingKey) return no('enrolment-token-used');
    if (body.runner !== this.runner.id) return no('enrolment-wrong-runner');
    if (!this.#tokenSpent) this.enrolments += 1;
    this.#tokenSpent = true;
    this.replica.signingKey = body.signingKey;
    if (this.behaviour.loseEnrolmentAnswers > 0) {
      this.behaviour.loseEnrolmentAnswers -= 1;
      request.socket.destroy();
      return;
    }
    this.#told = body.trust?.keys ?? [];
    say(201, {
      replica: this.replica.id,
      runner: this.runner,
      coordinatorPublicKey: this.keys.keyFor(this.#told),
      signature: this.#signAs(enrolmentAnswer(this.replica.id, body)),
      ...this.#newsFor(body.trust),
    });
  }

  #signAs(text: string): string {
    return this.behaviour.wrongKey ? this.keys.signWith(this.keys.make(), text) : this.sign(text);
  }

  /** What the agent does not know yet. */
  #newsFor(told: Hello['trust']): { trust?: TrustAnnouncement } {
    const { announcement, serial } = this.keys;
    if (announcement === null || told === undefined || !this.behaviour.announces) return {};
    return told.serial === serial ? {} : { trust: announcement };
  }

  #serve(socket: WebSocket | PolledSocket): void {
    const nonce = randomBytes(32).toString('base64url');
    const send = (message: ToAgent) => socket.send(JSON.stringify(message));
    const time = () => Date.now() + this.behaviour.clockOffsetMs;
    let session: ServerSession | null = null;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) return this.#store(data, send);
      const parsed = FromAgentSchema.safeParse(JSON.parse(data.toString()));
      if (!parsed.success) {
        this.faults.push(`message: ${parsed.error.message}`);
        return;
      }
      const message = parsed.data;
      if (message.type === 'hello') session = this.#greet(message, nonce, socket, send);
      if (message.type === 'trust-noted') this.#told = message.keys;
      if (message.type === 'heartbeat' && this.behaviour.beats) send({ type: 'beat', time: time() });
      this.heard.push(message);
      this.events.emit('message');
    });
    socket.on('close', () => {
      if (this.session === session) this.session = null;
      this.events.emit('closed');
    });
    send({ type: 'challenge', nonce, protocol: PROTOCOL_VERSION, oldestProtocol: PROTOCOL_VERSION, time: time() });
  }

  #greet(hello: Hello, nonce: string, socket: SocketOfAgent, send: (message: ToAgent) => void): ServerSession | null {
    if (
      this.replica.signingKey !== '' &&
      !isSignedBy(this.replica.signingKey, helloSigningText(nonce, hello), hello.signature)
    ) {
      this.faults.push('hello: the signature is wrong');
    }
    this.#told = hello.trust?.keys ?? [];
    if (this.behaviour.reject) {
      send({ ...this.rejection(this.behaviour.reject, hello), ...this.#newsFor(hello.trust) });
      socket.close(4001);
      return null;
    }
    this.sessions += 1;
    const signature = this.#signAs(welcomeSigningText(hello.nonce, hello.replica, this.sessions));
    send({
      type: 'welcome',
      epoch: this.sessions,
      time: Date.now() + this.behaviour.clockOffsetMs,
      heartbeatMs: this.behaviour.heartbeatMs,
      silenceMs: this.behaviour.silenceMs,
      maximum: this.behaviour.maximum,
      publicKey: this.keys.keyFor(this.#told),
      signature: this.behaviour.badSignature ? signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) : signature,
      ...this.#newsFor(hello.trust),
      spreadMs: this.behaviour.spreadMs,
      resume: hello.operations.map(({ operation, attempt }) => ({
        operation,
        attempt,
        from: this.journal(operation, attempt).next,
        drop: this.journal(operation, attempt).records.at(-1)?.kind === 'finished',
      })),
    });
    const session = { hello, socket, send };
    this.session = session;
    this.events.emit('session', session);
    return session;
  }

  /** What turns an agent away for good, or for now. */
  rejection(code: ProblemCode, { nonce, replica }: Hello): Extract<ToAgent, { type: 'rejected' }> {
    const { detail, todo } = toProblem(new OutrunnerError(code));
    const signature = this.#signAs(rejectionSigningText(nonce, replica, code));
    const proof = { publicKey: this.keys.keyFor(this.#told), signature };
    return { type: 'rejected', code, detail, todo, ...(this.behaviour.provesRejections ? { proof } : {}) };
  }

  #store(data: Buffer, send: (message: ToAgent) => void): void {
    const frame = readJournalFrame(data);
    if (!frame) {
      this.faults.push('a binary frame that is none');
      return;
    }
    const { operation, attempt, records } = frame;
    const journal = this.journal(operation, attempt);
    const first = records.length >= 12 ? new DataView(records.buffer, records.byteOffset).getUint32(8, true) : 0;
    if (first > journal.next) {
      send({ type: 'resume-from', operation, attempt, from: journal.next });
      return;
    }
    const decoded = decodeJournal(records, first);
    if (decoded.fault !== null)
      this.faults.push(`a frame with ${decoded.fault} records of ${operation} at ${decoded.nextNumber}`);
    for (const record of decoded.records) {
      if (record.number < journal.next) continue;
      journal.records.push({ ...record, payload: Uint8Array.from(record.payload) });
      journal.next = record.number + 1;
    }
    const final = journal.records.at(-1)?.kind === 'finished';
    if (this.behaviour.acknowledges) send({ type: 'ack', operation, attempt, next: journal.next, final });
    this.events.emit('records');
  }
}

function newToken(): string {
  return `ore_${randomBytes(32).toString('base64url')}`;
}

/** All output of one stream in a journal, as it was printed. */
export function outputOf(records: readonly JournalRecord[], stream: 'stdout' | 'stderr' = 'stdout'): Buffer {
  return Buffer.concat(records.filter((r) => r.kind === 'output' && r.stream === stream).map((r) => r.payload));
}
