import type { ToldTrust, TrustAnnouncement } from '../../protocol/trust.ts';
import type { Upgradable } from '../../protocol/upgrade.ts';
import type { FromAgent, HeldOperation, ToAgent } from '../../protocol/wire.ts';

type Heard<Type extends ToAgent['type']> = Extract<ToAgent, { type: Type }>;
export type Welcome = Heard<'welcome'>;

/** What the work of the agent may do with a session that is open. */
export interface SessionLink {
  send(message: FromAgent): void;
  /** Says how things are now, ahead of the next heartbeat. */
  beat(): void;
  /** Sends one binary frame. The bytes must not be changed until `left` is called: they have left, or never will. */
  sendFrame(frame: Uint8Array, left: () => void): void;
  /** false: enough is on its way; ask again after {@link SessionWork.writable}. */
  canSend(): boolean;
}

/** What a session needs of the work: owned here, because the session is its user. */
export interface SessionWork {
  load(): { readonly running: number; readonly queued: number; readonly maximum: number };
  /** Everything of which a record may still be owed, for `hello`. */
  held(): HeldOperation[];
  /** What has not finished, for the heartbeat: renews the leases. */
  unfinished(): { readonly operation: string; readonly attempt: number }[];
  /** What has finished here and is still being sent. */
  delivering(): { readonly operation: string; readonly attempt: number }[];
  /** false: the agent is being stopped. */
  accepting(): boolean;
  /** The session is welcome: sending starts where the coordinator said. `skewMs` is its clock minus ours. */
  attach(link: SessionLink, welcome: Welcome, skewMs: number): void;
  detach(): void;
  /** The link can send again. */
  writable(): void;
  clockSkew(skewMs: number): void;
  offer(message: Heard<'operation'>): void;
  acknowledged(message: Heard<'ack'>): void;
  resumeFrom(message: Heard<'resume-from'>): void;
  cancel(message: Heard<'cancel'>): void;
  setMaximum(maximum: number): void;
}

/** What a session needs of whoever upgrades the agent. */
export interface SessionUpgrades {
  upgradable(): Upgradable;
  /** The session is welcome. */
  attach(say: (message: FromAgent) => void): void;
  detach(): void;
  /** The coordinator has answered a heartbeat: both ways are open. */
  checkedIn(): void;
  order(message: Heard<'upgrade'>): void;
  cancel(message: Heard<'upgrade-cancel'>): void;
  noted(message: Heard<'upgrade-noted'>): void;
}

/** What became of an announcement. */
export interface Weighed {
  /** Something else is believed than before; it is on the disk. */
  readonly changed: boolean;
  /** Why it is not believed, or could not be written down; null: it is, or was known already. */
  readonly problem: string | null;
}

/** What a session needs of whoever knows the keys and authorities that are believed. */
export interface SessionTrust {
  told(): ToldTrust;
  /** Whether `publicKey` is believed, and this was signed with it. */
  isSignedBy(publicKey: string, text: string, signature: string): boolean;
  /** Weighs what is announced, whoever says it. Never rejects. */
  weigh(announced: TrustAnnouncement): Promise<Weighed>;
  /** false: authorities of before are still trusted. */
  readonly isSettled: boolean;
  /** The coordinator may not know how it stands here: nothing was said by this process, or last that something is not used. */
  readonly owesWord: boolean;
  /** All of it was said; `problem`: why something is not used. */
  said(problem: string | null): void;
  /** Gives them up if the coordinator is reached without them; else resolves with why not. Never rejects. */
  settle(): Promise<string | null>;
}
