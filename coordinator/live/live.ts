import type { LiveEvent } from '../../protocol/api/live.ts';

/** What rooms say when something that consoles show has changed. Never throws, never waits. */
export interface Live {
  publish(event: LiveEvent): void;
  /** Whether anybody listens: what is costly to say need not be made otherwise. */
  readonly heard: boolean;
}
