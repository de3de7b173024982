import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Why there can be no containers on this host; null when nothing is known to be against it. */
export function whyNoPodman(): string | null {
  if (process.platform !== 'linux') return 'containers of Linux need Linux';
  if (process.getuid?.() !== 0) return 'containers that this test can look into need root';
  return existsSync('/usr/bin/podman') ? null : 'podman is not installed';
}

/** Machines on which tests run are often containers themselves, which may not raise limits or make control groups. */
const SETTINGS = `[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
`;

/** Some hosts have control groups of the first version, which runtimes refuse; it is not changed outside of this call. */
const ENTER = 'mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null; exec podman "$@"';

export interface Podman {
  /** Runs `podman` in `folder` and gives what it printed. Rejects with that when it fails. */
  run(args: readonly string[], folder?: string): Promise<string>;
  /** Makes an image of this name of a folder that holds a root. */
  importRoot(root: string, name: string): Promise<void>;
  /** Ends and removes all containers. */
  close(): Promise<void>;
}

/** Podman with images, containers and volumes of its own below `work`. */
export async function startPodman(work: string): Promise<Podman> {
  const at = (name: string) => path.join(work, 'podman', name);
  await mkdir(at('graph'), { recursive: true });
  await writeFile(at('containers.conf'), SETTINGS);
  const storage = `[storage]\ndriver = "overlay"\nrunroot = "${at('run')}"\ngraphroot = "${at('graph')}"\n`;
  await writeFile(at('storage.conf'), storage);
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: work,
    CONTAINERS_CONF: at('containers.conf'),
    CONTAINERS_STORAGE_CONF: at('storage.conf'),
    // Commands of a Dockerfile run in the root of the image, without a runtime.
    BUILDAH_ISOLATION: 'chroot',
  };
  const spaces = ['--mount', '--propagation', 'private', '/bin/sh', '-c', ENTER, 'podman'];
  const run: Podman['run'] = (args, folder = work) =>
    new Promise((resolve, reject) => {
      const options = { cwd: folder, env, maxBuffer: 16 << 20 };
      execFile('unshare', [...spaces, ...args], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout.trim());
        else reject(new Error(`podman ${args.join(' ')} failed:\n${stdout}${stderr}`));
      });
    });
  return {
    run,
    async importRoot(root, name) {
      const archive = at('root.tar');
      await new Promise<void>((resolve, reject) => {
        const args = ['-C', root, '--create', '--file', archive, '.'];
        execFile('tar', args, (error) => (error === null ? resolve() : reject(error)));
      });
      await run(['import', archive, name]);
    },
    async close() {
      await run(['rm', '--all', '--force', '--time', '5']);
    },
  };
}
