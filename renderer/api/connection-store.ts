import { create } from 'zustand';

/** How the page stands to the coordinator, as the live stream sees it. Times in milliseconds since the epoch. */
export interface Connection {
  /** `connecting` only before the first answer; from then on it is one or the other. */
  readonly state: 'connecting' | 'online' | 'offline';
  /** Since when it is in this state. */
  readonly since: number;
  /** When the coordinator was last heard of: the age of everything shown while offline. */
  readonly lastHeard: number | null;
}

export const connectionStore = create<Connection>(() => ({ state: 'connecting', since: 0, lastHeard: null }));

/** Notes that the coordinator was heard at `now`. */
export function heard(now: number): void {
  const { state } = connectionStore.getState();
  connectionStore.setState(state === 'online' ? { lastHeard: now } : { state: 'online', since: now, lastHeard: now });
}

/** Notes that the coordinator is out of reach since `now`. */
export function lost(now: number): void {
  if (connectionStore.getState().state !== 'offline') connectionStore.setState({ state: 'offline', since: now });
}

/** The connection as a whole; re-renders at every beat. Prefer {@link useOnline} for enabling actions. */
export const useConnection = (): Connection => connectionStore();

/** Whether actions may be offered. Before the first answer they may: a failure says so itself. */
export const useOnline = (): boolean => connectionStore((connection) => connection.state !== 'offline');

/** The reason that a disabled action shows while offline. */
export const OFFLINE_REASON = 'The coordinator cannot be reached. This works again when the connection is back.';
