import { readFileSync } from 'node:fs';
import { arch, hostname, platform, release, userInfo, version } from 'node:os';
import { AGENT_EXIT, type HostFacts } from '../../protocol/enrolment.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import { AgentExit } from '../agent-exit.ts';

const SYSTEMS: Partial<Record<NodeJS.Platform, HostFacts['os']>> = {
  linux: 'linux',
  win32: 'windows',
  darwin: 'macos',
};

/** What the coordinator is told about this host. */
export function hostFacts(): HostFacts {
  const os = SYSTEMS[platform()];
  const cpu = arch();
  if (os === undefined || (cpu !== 'x64' && cpu !== 'arm64')) {
    throw new AgentExit(AGENT_EXIT.failure, `The agent does not run on ${platform()} ${cpu}.`);
  }
  return {
    hostname: hostname().slice(0, 255),
    os,
    osVersion: systemVersion(os).slice(0, 200),
    arch: cpu,
    user: userName().slice(0, 200),
    pid: process.pid,
    agentVersion: PRODUCT_VERSION,
    installPath: process.execPath.slice(0, 1000),
  };
}

let ownName: string | null = null;

/**
 * The user that the agent runs as, as it was at the first call: a process keeps its user, and each question reads the list of
 * users. A container may run under a number that has no name.
 */
export function userName(): string {
  ownName ??= askUserName();
  return ownName;
}

function askUserName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

function systemVersion(os: HostFacts['os']): string {
  if (os !== 'linux') return `${version()} ${release()}`;
  try {
    const name = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    if (name !== undefined && name !== '') return name;
  } catch {
    // Not every Linux has this file; the kernel's version is said instead.
  }
  return `Linux ${release()}`;
}
