import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../agent-exit.ts';
import { writeFileAtomic } from '../config/atomic-file.ts';
import { CgroupFolder } from './cgroup-folder.ts';
import { type CgroupPlace, cgroupPlaces } from './cgroup-places.ts';

/**
 * The agent's own part of the tree of control groups:
 *
 *     outrunner-<state folder>/agent            the agent, and each step for the first moments of its life
 *     outrunner-<state folder>/<operation>      the processes of one attempt of an operation
 *     outrunner-<state folder>/<operation>.kept they were left running on purpose: let alone
 *
 * The kernel holds all of this, so that it outlives a crash of the agent and vanishes with the host's next start.
 */
export interface CgroupHome {
  readonly folder: string;
  /** The group that the agent stands in. */
  readonly leaf: CgroupFolder;
  /** Attempts whose groups an earlier process of the agent left, with where they are. */
  readonly left: ReadonlyMap<string, string>;
  /** Moves the agent out again and removes what is empty. */
  leave(): Promise<void>;
}

const LEAF = 'agent';
export const KEPT = '.kept';
/** In the state folder: where the groups of the last agent were. It may have been started elsewhere than this one. */
const WHERE = 'cgroup';

/** What all groups of an agent with this state folder are called. */
async function homeName(state: string): Promise<string> {
  const path = await realpath(state).catch(() => state);
  return `outrunner-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`;
}

/**
 * Makes the agent's groups and moves the agent into its own. Returns why not where this host or user may not: then nothing
 * has changed.
 */
export async function enterCgroupHome(state: string): Promise<CgroupHome | { readonly reason: string }> {
  const name = await homeName(state);
  const found = await usablePlace(name, true);
  if ('reason' in found) return found;
  const { base, folder } = found;
  const where = join(state, WHERE);
  const before = await readFile(where, 'utf8').catch(() => '');
  const left = await leftIn(folder);
  if (before !== folder && basename(before) === name)
    for (const [key, path] of await leftIn(before)) left.set(key, path);
  if (before !== folder) await writeFileAtomic(where, folder, 0o600, false);
  await removeEmptyHomes(base, name);
  return { folder, left, leaf: new CgroupFolder(join(folder, LEAF)), leave: () => leaveHome(base, folder) };
}

/** Whether an agent that is started by this process may use control groups; changes nothing. */
export async function probeCgroups(state: string): Promise<{ readonly folder: string } | { readonly reason: string }> {
  const found = await usablePlace(await homeName(state), false);
  return 'reason' in found ? found : { folder: found.folder };
}

type Found = { readonly base: string; readonly folder: string } | { readonly reason: string };

async function usablePlace(name: string, stay: boolean): Promise<Found> {
  if (process.platform !== 'linux') return { reason: 'this system has none' };
  const reasons: string[] = [];
  for (const place of await ownPlaces(name)) {
    if (place.readOnly) {
      reasons.push(`${place.folder} is mounted read-only`);
      continue;
    }
    const folder = join(place.folder, name);
    try {
      await (stay ? moveIn(folder) : tryOut(`${folder}.doctor.${process.pid}`));
      return { base: place.folder, folder };
    } catch (error) {
      const code = systemCode(error);
      reasons.push(`${place.folder} may not be used (${code})`);
    }
  }
  return { reason: reasons.join('; ') || 'no cgroup2 file system is mounted' };
}

async function ownPlaces(name: string): Promise<CgroupPlace[]> {
  try {
    const [mounts, own] = await Promise.all([
      readFile('/proc/self/mountinfo', 'utf8'),
      readFile('/proc/self/cgroup', 'utf8'),
    ]);
    return cgroupPlaces(mounts, own, name);
  } catch {
    return []; // A host that hides its /proc: then there is nothing to use either.
  }
}

async function moveIn(folder: string): Promise<void> {
  const leaf = new CgroupFolder(join(folder, LEAF));
  // Another agent that starts may take our empty folder for a leftover between making it and moving in.
  for (let tries = 0; ; tries++) {
    try {
      await new CgroupFolder(folder).make();
      await leaf.make();
      await leaf.enter(process.pid);
      return;
    } catch (error) {
      if (systemCode(error) === 'ENOENT' && tries < 5) continue;
      await rmdir(leaf.path).catch(() => undefined);
      await rmdir(folder).catch(() => undefined);
      throw error;
    }
  }
}

/** Moves this process in and out again: what else the kernel asks for shows only then. */
async function tryOut(folder: string): Promise<void> {
  const group = new CgroupFolder(folder);
  await group.make();
  try {
    await group.enter(process.pid);
    // Where the way back is barred (controllers are on for what is below), it stays until it ends.
    await new CgroupFolder(dirname(folder)).enter(process.pid).catch(() => false);
  } finally {
    await group.remove();
  }
}

async function leaveHome(base: string, folder: string): Promise<void> {
  await new CgroupFolder(base).enter(process.pid).catch(() => false);
  for (const name of await readdir(folder).catch(() => [])) {
    // EBUSY: what a step left running on purpose goes on. ENOTDIR: the files of the group itself.
    await rmdir(join(folder, name)).catch(() => undefined);
  }
  await rmdir(folder).catch(() => undefined);
}

/** Attempts that have a group below a home and were not kept on purpose. */
async function leftIn(folder: string): Promise<Map<string, string>> {
  const names = new Set(await new CgroupFolder(folder).children().catch(() => []));
  const left = new Map<string, string>();
  for (const name of names) {
    if (!/^[0-9a-f-]{36}\.\d+$/.test(name)) continue;
    // A flag without its group is from a group that was removed already.
    if (!names.has(name + KEPT)) left.set(name, join(folder, name));
  }
  return left;
}

/** Agents that were killed and whose state folder is gone never come back to clean up. */
async function removeEmptyHomes(base: string, ours: string): Promise<void> {
  for (const name of await new CgroupFolder(base).children()) {
    if (!/^outrunner-[0-9a-f]{12}(\.doctor\.\d+)?$/.test(name) || name === ours) continue;
    // Processes in any of them make this fail, and it stays whole: the kernel removes no group that has members.
    const home = join(base, name);
    if ((await new CgroupFolder(home).members()).length === 0) await new CgroupFolder(home).remove().catch(() => false);
  }
}
