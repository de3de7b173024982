import type { SshInstall } from '../../protocol/api/ssh-installs.ts';
import type { DownloadProgress, DownloadResult, Profile } from '../../protocol/ipc.ts';
import type { PackageFormat, PackageOptions } from '../../protocol/package-options.ts';
import type { SshInstallPort } from '../api/ssh-install-port.ts';

/** This computer, as what installs on hosts over SSH, and on itself. */
export interface ConsoleSshInstalls extends SshInstallPort {
  /** Calls `listener` at each change of one; returns the end of it. */
  onChange(listener: (install: SshInstall) => void): () => void;
}

/** What the page needs from whatever it runs in: the desktop shell, or a browser. */
export interface Host {
  readonly kind: 'browser' | 'desktop';
  /** @throws OutrunnerError `sign-in-refused`, `too-many-requests`, `coordinator-unreachable`. */
  signIn(credentials: Credentials): Promise<void>;
  signOut(): Promise<void>;
  /** Calls `listener` when the shell itself signed in, signed out or switched to another coordinator; returns the end of it. */
  onSessionChange(listener: () => void): () => void;
  /**
   * Downloads the package of a Runner for one platform, checks it and saves it where the person wants it.
   * @throws OutrunnerError `download-refused` when it is not what was signed (nothing is saved then), or the
   * coordinator's problem. Rejects with the abort's reason when `signal` ends it.
   */
  download(
    request: DownloadRequest,
    onProgress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<Downloaded>;
  /** Opens an `https:` address outside of the console. */
  openLink(url: string): Promise<void>;
  /** Tells the surrounding window which theme the page has. */
  setTheme(theme: 'light' | 'dark' | 'auto'): Promise<void>;
  /** The coordinators that the desktop console knows; null in a browser, which belongs to the one that served it. */
  readonly profiles: ProfilePort | null;
  /** Installations from this computer; null in a browser. */
  readonly sshInstalls: ConsoleSshInstalls | null;
  /** Version and platform of the desktop shell; null in a browser. */
  shell(): Promise<{ version: string; electron: string; platform: string } | null>;
}

export type Credentials =
  | { readonly name: string; readonly password: string }
  /** From a one-time link. The desktop console signs itself in and has no use for tickets. */
  | { readonly ticket: string };

export interface DownloadRequest extends PackageOptions {
  readonly runner: string;
  readonly format: PackageFormat;
}

export interface Progress extends Pick<DownloadProgress, 'receivedBytes' | 'totalBytes'> {
  readonly phase: 'receiving' | 'verifying';
}

export interface Downloaded extends DownloadResult {
  /** Shows the saved file in its folder; null where that is not possible. */
  readonly show: (() => Promise<void>) | null;
}

export interface Profiles {
  /** Id of the one that is shown. */
  readonly active: string;
  readonly profiles: readonly Profile[];
}

/** After each of these but `list` the session is another one: {@link Host.onSessionChange} tells. */
export interface ProfilePort {
  list(): Promise<Profiles>;
  use(id: string): Promise<Profiles>;
  /** Adds a coordinator by its address and changes over to it. */
  add(url: string, label: string): Promise<Profiles>;
  remove(id: string): Promise<Profiles>;
}
