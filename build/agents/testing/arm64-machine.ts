import { existsSync } from 'node:fs';
import { glob, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUILD_STATE } from '../../paths.ts';
import { runTool } from '../run-tool.ts';

/** What runs a program for Linux arm64 on a host that is none. */
export interface Arm64Machine {
  readonly emulator: string;
  /** Has the C and C++ libraries that Node loads. */
  readonly root: string;
}

const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1'];

/**
 * QEMU's user-mode emulator and three arm64 libraries, unpacked from Debian's packages into the build's own folder and kept
 * there. Nothing is installed: the host's packages, and the architectures that it knows, stay as they are. Answers with the
 * reason when it cannot be had.
 */
export async function arm64Machine(): Promise<Arm64Machine | string> {
  const home = join(BUILD_STATE, 'arm64');
  const machine = { emulator: join(home, 'qemu', 'usr', 'bin', 'qemu-aarch64-static'), root: join(home, 'root') };
  if (existsSync(home)) return machine;
  if (!existsSync('/usr/bin/apt-get')) return 'needs apt-get, which fetches qemu-user-static and arm64 libraries';
  await mkdir(BUILD_STATE, { recursive: true });
  const unfinished = await mkdtemp(join(BUILD_STATE, 'arm64-'));
  try {
    const failed = await fill(unfinished);
    if (failed !== undefined) return failed;
    await rename(unfinished, home);
    return machine;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function fill(folder: string): Promise<string | undefined> {
  const apt = join(folder, 'apt');
  for (const place of ['state/lists/partial', 'cache/archives/partial', 'foreign', 'own']) {
    await mkdir(join(apt, place), { recursive: true });
  }
  await writeFile(join(apt, 'status'), '');
  const options = [
    'APT::Architecture=arm64',
    'APT::Architectures=arm64',
    `Dir::State=${join(apt, 'state')}`,
    `Dir::State::status=${join(apt, 'status')}`,
    `Dir::Cache=${join(apt, 'cache')}`,
    'Acquire::Languages=none',
    // Its own user could not write into a folder of ours.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  const commands = [
    ['sh', '-c', 'cd "$0" && exec apt-get "$@"', join(apt, 'foreign'), '-qq', ...options, 'update'],
    ['sh', '-c', 'cd "$0" && exec apt-get "$@"', join(apt, 'foreign'), '-qq', ...options, 'download', ...LIBRARIES],
    ['sh', '-c', 'cd "$0" && exec apt-get "$@"', join(apt, 'own'), '-qq', 'download', 'qemu-user-static'],
  ] as const;
  for (const [program, ...args] of commands) {
    const end = await runTool(program, args);
    if (end?.code !== 0) return `needs qemu-user-static and arm64 libraries, and apt-get failed: ${end?.output.trim()}`;
  }
  for (const [from, to] of [
    ['foreign', 'root'],
    ['own', 'qemu'],
  ] as const) {
    for await (const archive of glob('*.deb', { cwd: join(apt, from) })) {
      const end = await runTool('dpkg-deb', ['-x', join(apt, from, archive), join(folder, to)]);
      if (end?.code !== 0) return `needs ${archive}, and dpkg-deb failed: ${end?.output.trim()}`;
    }
  }
  // The emulators of thirty other machines are 300 MB.
  for await (const other of glob('usr/bin/*', { cwd: join(folder, 'qemu') })) {
    if (!other.endsWith('qemu-aarch64-static')) await rm(join(folder, 'qemu', other));
  }
  await rm(apt, { recursive: true });
  return undefined;
}
