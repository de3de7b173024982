import type { Clock } from '../../protocol/clock.ts';
import type { EnrolmentTokens } from '../runners/enrolments.ts';
import type { RunnerRecord } from '../runners/runner-record.ts';
import type { Store } from '../store/store.ts';
import type { ReleaseFolder } from './release-folder.ts';
import type { PackageSettings } from './runner-package.ts';

/** What this room needs of the coordinator. */
export interface PackagesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly folder: ReleaseFolder;
  readonly tokens: EnrolmentTokens;
  settings(): PackageSettings;
  /** @throws OutrunnerError `not-found`. */
  runner(id: string): RunnerRecord;
  written(runnerId: string): Promise<void>;
}
