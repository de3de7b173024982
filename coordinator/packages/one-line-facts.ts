import type { PlatformTarget } from '../../protocol/enrolment.ts';

/** What the script of a one-line install is made of. */
export interface OneLineFacts {
  /** Where the package is fetched. */
  readonly packageUrl: string;
  readonly token: string;
  /** The folder at the top of the package. */
  readonly folder: string;
  /** What the coordinator's settings say of the way to it. */
  readonly proxy: string | null;
  readonly ca: string | null;
  readonly packages: readonly OneLinePackage[];
}

export interface OneLinePackage {
  readonly platform: PlatformTarget;
  readonly label: string;
  /** null: its executable is not built. */
  readonly archive: { readonly size: number; readonly sha256: string } | null;
}
