import type { ToldTrust, TrustAnnouncement } from '../../protocol/trust.ts';

/** What the gateway asks of those who keep the coordinator's keys. */
export interface TrustBook {
  /** The newest key: what an agent shall believe. */
  readonly publicKey: string;
  /** The first key that the coordinator ever had: of an agent of which nothing was noted. */
  readonly firstKey: string;
  /** The key that downloads carried at this time, milliseconds since the epoch. */
  keyAt(time: number): string;
  /** The key to sign with for an agent that believes these, newest first. The newest of all when none of them is held. */
  signerFor(believed: readonly string[]): string;
  /** Whether one of these keys can be signed with, or leads to one that can when the agent follows links. */
  isReachable(believed: readonly string[], followsLinks: boolean): boolean;
  /** Ed25519 signature with the key of {@link signerFor}. */
  sign(text: string, publicKey: string): string;
  /** What an agent that holds this does not know yet; null: it knows all. */
  newsFor(told: ToldTrust): TrustAnnouncement | null;
}

/** Who hears what agents say of it. None of these may throw; each may be called for anything a peer makes up. */
export interface TrustIntake {
  /** An agent was welcomed; `told`: what it holds, null when it says nothing of it. */
  connected(replicaId: string, told: ToldTrust | null): void;
  /** An agent weighed an announcement. `problem`: why it does not believe, or not use it. */
  noted(replicaId: string, told: ToldTrust, problem: string | null): void;
  /** There is a replica more or one fewer, or one that is not connected any more: it hears the news later. */
  replicasChanged(): void;
}
