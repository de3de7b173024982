import { hostname, release, userInfo } from 'node:os';
import { installOnWindows } from './install-on-windows.ts';
import { installHere } from './install-over-ssh.ts';
import type { SshInstallPorts, WhatHere } from './install-ports.ts';
import { windowsSystem } from './windows-system.ts';

/** This computer, who we are on it, and how a Runner is put on it. */
export interface ThisComputer {
  readonly host: string;
  readonly user: string;
  /**
   * Installs for this user alone, and resolves when the Runner has checked in, or is installed when it was not to be started.
   * What is needed for a while is removed in every case. May be repeated as often as one likes.
   * @throws OutrunnerError that names what is in the way and what to do; the reason of `signal` when that ended it.
   */
  install(what: WhatHere, ports: SshInstallPorts, signal: AbortSignal): Promise<void>;
}

/** The computer of this process: Windows has a way of its own, all others a POSIX shell. */
export function thisComputer(platform: NodeJS.Platform = process.platform): ThisComputer {
  const { username: user } = userInfo();
  const who = { host: hostname(), user };
  if (platform === 'win32') {
    const system = () => windowsSystem(process.env, process.arch, release());
    return { ...who, install: (what, ports, signal) => installOnWindows(what, system, ports, signal) };
  }
  return {
    ...who,
    install: (what, ports, signal) => installHere({ ...what, user, mode: 'user', sudoPassword: null }, ports, signal),
  };
}
