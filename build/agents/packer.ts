import type { PlatformTarget } from '../../protocol/enrolment.ts';
import type { BaseRuntime } from './base-runtime.ts';

/** Turns one bundled CommonJS file and a Node runtime into one executable. */
export interface Packer {
  /** For progress lines and for the cache key: another packer makes other bytes. */
  readonly name: string;
  /** Writes `output`. Equal bundle and base give equal bytes, wherever the checkout lies. */
  pack(job: PackJob): Promise<void>;
}

export interface PackJob {
  readonly target: PlatformTarget;
  readonly bundle: string;
  /** `path` may be a prepared copy of the runtime. */
  readonly base: Pick<BaseRuntime, 'path' | 'version' | 'generator'>;
  readonly output: string;
}

/**
 * Flags that the runtime inside the executable always gets: the host's own certificate store, so that a company's
 * authority is trusted without a setting, and no debugger on SIGUSR1.
 */
export const RUNTIME_FLAGS = ['--use-system-ca', '--disable-sigusr1'] as const;

/** `none`: neither NODE_OPTIONS nor a command line reaches the runtime; nobody loads code into a signed executable. */
export const RUNTIME_FLAGS_FROM_OUTSIDE = 'none';
