import type { SshHostKey, SshStepName } from '../../protocol/api/ssh-installs.ts';
import type { Clock } from '../../protocol/clock.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import type { HostQuestions } from './sign-in.ts';

/** What is to be installed on this computer, for its user. */
export interface WhatHere {
  /** Name of the service. */
  readonly name: string;
  readonly start: boolean;
}

/** What is to be installed, and as whom. */
export interface InstallRequest extends WhatHere {
  readonly user: string;
  readonly mode: 'system' | 'user';
  readonly sudoPassword: string | null;
}

/** The package for one platform. */
export interface PackageSource {
  readonly size: number;
  /** Hexadecimal, of the whole package. */
  readonly sha256: string;
  /** Bytes of everything in it, unpacked. */
  readonly unpackedSize: number;
  /** The one folder at its top. */
  readonly folder: string;
  open(): AsyncIterable<Uint8Array>;
}

/** What an engine needs from those who use it. */
export interface SshInstallPorts {
  readonly clock: Clock;
  /** The key that is known for this host, if one is. */
  knownHostKey(): Promise<SshHostKey | null>;
  /** The key that the host presented. */
  presented(key: SshHostKey): void;
  /** Asks a person about a key that nobody knows. Resolves when it was confirmed, and kept; else rejects. */
  confirmHostKey(key: SshHostKey): Promise<void>;
  /** Asks a person what the host wants to know who signs in. `over`: the host waits no longer. */
  ask(questions: HostQuestions, over: AbortSignal): Promise<readonly string[]>;
  /**
   * Gets the package; where that takes a while, `progress` hears how many bytes of how many are here.
   * @throws OutrunnerError `package-missing`, `enrolment-needed`.
   */
  packageFor(platform: PlatformTarget, progress: (done: number, total: number) => void): Promise<PackageSource>;
  /** Resolves, with the words for it, when the Runner has checked in; rejects when that takes too long. */
  checkedIn(signal: AbortSignal): Promise<string>;
  /** A step begins or gets on. What is not given stays as it was. */
  tell(step: SshStepName, event: StepEvent): void;
  /** A line that the installation printed on the host. */
  printed(line: string): void;
}

export interface StepEvent {
  readonly state: 'running' | 'done' | 'failed' | 'left';
  readonly detail?: string;
  readonly progress?: { readonly done: number; readonly total: number };
}
