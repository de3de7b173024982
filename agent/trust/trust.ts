import type { RunnerConfig } from '../../protocol/enrolment.ts';
import { type HeldTrust, newestKey, type ToldTrust, type TrustAnnouncement, weighTrust } from '../../protocol/trust.ts';
import { systemCode } from '../agent-exit.ts';
import { saveTrust } from '../config/identity-file.ts';
import { isSignedBy, signatureVerifier } from '../config/key-pair.ts';
import type { SessionTrust, Weighed } from '../connection/session-link.ts';
import type { Transport } from '../connection/transport.ts';
import type { Log } from '../log.ts';
import { droppedAuthorities, keepAuthorities, ownAuthorities, readCertificates } from './authorities.ts';
import type { Believed } from './begin-trust.ts';
import { fetchTrust, tryAuthorities } from './fetch-trust.ts';

export interface TrustDeps {
  readonly config: Pick<RunnerConfig, 'coordinator' | 'ca'>;
  /** Gets the authorities that are trusted, now and whenever they change. */
  readonly transport: Transport;
  readonly log: Log;
}

type Verify = (text: string, signature: string) => boolean;

/**
 * Whom this agent believes, as it is now; enrolment, session and offers all ask here. What it learns is on the disk before it is
 * used. Authorities that were dropped stay trusted until the coordinator's certificate was taken without them.
 */
export class Trust implements SessionTrust {
  readonly #deps: TrustDeps;
  #held!: HeldTrust;
  /** PEM of one certificate each. */
  #kept!: readonly string[];
  #verifiers!: ReadonlyMap<string, Verify>;
  #state: string | null = null;
  #isClosed = false;
  #owesWord: boolean;
  #turn: Promise<unknown> = Promise.resolve();
  /** What was said in the log of the statement with this serial. */
  #saidOf = 0;

  constructor(deps: TrustDeps, { held, kept }: Believed) {
    this.#deps = deps;
    this.#owesWord = held.serial > 0;
    this.#take(held, readCertificates(kept).sound);
  }

  /** The folder of the identity that is there by now: from here on, what is learned is written into it. */
  keepIn(state: string): void {
    this.#state = state;
  }

  /** Nothing is written any more: the folder of the identity may soon be another process's. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
  }

  get held(): HeldTrust {
    return this.#held;
  }

  /** PEM of what is trusted beside what holds now; null: nothing. */
  get kept(): string | null {
    return this.#kept.length === 0 ? null : `${this.#kept.join('\n')}\n`;
  }

  get isSettled(): boolean {
    return this.#kept.length === 0;
  }

  get owesWord(): boolean {
    return this.#owesWord || !this.isSettled;
  }

  said(problem: string | null): void {
    this.#owesWord = problem !== null;
  }

  told(): ToldTrust {
    const { keys, serial } = this.#held;
    return { keys, serial };
  }

  /** Whether this was signed with any key that is believed. */
  isSigned(text: string, signature: string): boolean {
    for (const verify of this.#verifiers.values()) if (verify(text, signature)) return true;
    return false;
  }

  isSignedBy(publicKey: string, text: string, signature: string): boolean {
    return this.#verifiers.get(publicKey)?.(text, signature) ?? false;
  }

  weigh(announced: TrustAnnouncement): Promise<Weighed> {
    return this.#inTurn(async () => {
      const outcome = weighTrust(this.#held, announced, isSignedBy);
      if (outcome.kind === 'unchanged') return { changed: false, problem: null };
      if (outcome.kind === 'ignored') {
        return { changed: false, problem: `What the coordinator announces is not believed: ${outcome.why}.` };
      }
      const { held } = outcome;
      const [before, after] = [this.#authorities(this.#held), this.#authorities(held)];
      const kept = keepAuthorities(droppedAuthorities(before, after), droppedAuthorities(this.#kept, after));
      const problem = await this.#write(held, kept);
      if (problem !== null) return { changed: false, problem };
      if (newestKey(this.#held) !== newestKey(held))
        this.#deps.log.info('The coordinator has a new key.', { publicKey: newestKey(held) });
      else
        this.#deps.log.info('What the coordinator announces of its keys and authorities is believed.', {
          serial: held.serial,
        });
      this.#take(held, kept);
      return { changed: true, problem: null };
    });
  }

  async settle(): Promise<string | null> {
    const { transport, log } = this.#deps;
    const { serial, authorities } = this.#held;
    const wanted = this.#authorities(this.#held);
    const { damaged } = readCertificates(authorities);
    const unread = damaged === 0 ? null : `${damaged} of the announced authorities cannot be read.`;
    if (this.isSettled) return unread;
    const failure = await tryAuthorities(transport, wanted);
    return await this.#inTurn(async () => {
      // Something newer came meanwhile, or it was settled: what was tried is no longer the question.
      if (this.#held.serial !== serial || this.isSettled) return unread;
      const problem =
        failure === null ? await this.#write(this.#held, []) : `The authorities of before are kept: ${failure}`;
      if (problem === null) {
        this.#take(this.#held, []);
        log.info(
          'The certificate of the coordinator is taken with the announced authorities; those of before are given up.',
        );
        return unread;
      }
      if (this.#saidOf !== serial) log.warn(problem, { serial });
      this.#saidOf = serial;
      return unread === null ? problem : `${unread} ${problem}`;
    });
  }

  /**
   * Asks who answers at the coordinator's address what is announced there, whatever the certificate. Resolves with null when
   * something new is believed now, and it is worth to connect again; else with a sentence that says why not. `stop` ends it.
   */
  async consult(stop?: AbortSignal): Promise<string | null> {
    const announced = await fetchTrust(this.#deps.transport, stop);
    if (announced === null) return 'Nothing is announced there about its authorities.';
    const { changed, problem } = await this.weigh(announced);
    if (changed) return null;
    return problem ?? 'What is announced there about its authorities is known already.';
  }

  #authorities(held: HeldTrust): readonly string[] {
    return ownAuthorities(this.#deps.config, held);
  }

  #take(held: HeldTrust, kept: readonly string[]): void {
    this.#held = held;
    this.#kept = kept;
    this.#verifiers = new Map(held.keys.map((key) => [key, signatureVerifier(key)]));
    this.#deps.transport.trustAuthorities([...this.#authorities(held), ...kept]);
  }

  /** Why it could not be written down; null when it was, or when there is no identity yet to write it into. */
  async #write(held: HeldTrust, kept: readonly string[]): Promise<string | null> {
    if (this.#isClosed) return 'The agent is being stopped.';
    if (this.#state === null) return null;
    try {
      await saveTrust(this.#state, held, kept.length === 0 ? null : `${kept.join('\n')}\n`);
      return null;
    } catch (error) {
      return `What the coordinator announces could not be written down (${systemCode(error)}), and is not used.`;
    }
  }

  /** One change after the other: each begins with what the one before it has left. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
