import type { Hello } from '../../protocol/wire.ts';

export type TransportKind = Hello['transport'];
export type TransportSetting = 'auto' | TransportKind;

/** WebSocket is tried again beside a polling session: first after a minute, then every ten. */
const FIRST_PROBE_MS = 60_000;
const PROBE_MS = 600_000;
/**
 * So many WebSockets in a row that break off at once count as one that does not get through. As many have to fail where one
 * lasted before: what resets connections there is more likely a coordinator that is started again.
 */
const SHAKY_SESSIONS = 3;

/** How one session ended. */
export interface SessionOutcome {
  readonly welcomed: boolean;
  /** It lasted long enough to say that its way is good. */
  readonly steady: boolean;
  /** What happened, when plain HTTP might do better; null when it would fail alike, or nothing failed. */
  readonly blocked: string | null;
}

/**
 * Which way the next session takes: WebSocket, unless that does not get through while long polling does. What does not
 * work here is decided by trying the other: a coordinator that is simply down answers neither.
 */
export class TransportChoice {
  readonly #setting: TransportSetting;
  #current: TransportKind;
  #reason: string | null = null;
  #shaky = 0;
  #probes = 0;
  /** A WebSocket lasted on this way. */
  #worked = false;

  constructor(setting: TransportSetting) {
    this.#setting = setting;
    this.#current = setting === 'polling' ? 'polling' : 'websocket';
    if (setting === 'polling') this.#reason = 'It is set to long polling on its host.';
  }

  get current(): TransportKind {
    return this.#current;
  }

  /** Why it polls, for a person; null when it does not. */
  get reason(): string | null {
    return this.#current === 'polling' ? this.#reason : null;
  }

  /** Nothing is chosen: its owner has said what to take. */
  get isForced(): boolean {
    return this.#setting !== 'auto';
  }

  /** Takes note of how a session ended. true: the other way shall be tried now, without a wait. */
  ended({ welcomed, steady, blocked }: SessionOutcome): boolean {
    if (this.#setting !== 'auto') return false;
    if (this.#current === 'polling') {
      // What worked is kept; what did not may be wrong about WebSocket, too.
      if (welcomed) this.#worked = false;
      else this.#current = 'websocket';
      return false;
    }
    if (steady) {
      this.#shaky = 0;
      this.#probes = 0;
      this.#worked = true;
    }
    if (steady || blocked === null) return false;
    this.#shaky += 1;
    if ((welcomed || this.#worked) && this.#shaky < SHAKY_SESSIONS) return false;
    this.#shaky = 0;
    this.#current = 'polling';
    this.#reason = welcomed ? `WebSockets break off at once: ${blocked}` : `WebSocket does not get through: ${blocked}`;
    return true;
  }

  /** How long from now WebSocket shall be tried beside the session that polls, in milliseconds; null: never. */
  nextProbeMs(random: () => number): number | null {
    if (this.#setting !== 'auto' || this.#current !== 'polling') return null;
    this.#probes += 1;
    const base = this.#probes === 1 ? FIRST_PROBE_MS : PROBE_MS;
    // A fleet behind one proxy does not knock at the same instant.
    return Math.round(base * (0.9 + 0.2 * random()));
  }

  /** A WebSocket got through, beside the session that polls. */
  probeSucceeded(): void {
    this.#current = 'websocket';
  }
}
