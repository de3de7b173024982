import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Two hosts of our own in the kernel, with a cable between them, and no way to anywhere else. */
export interface TwoHosts {
  /** Address of the coordinator's host, as the agent's host sees it. */
  readonly coordinatorAddress: string;
  readonly agentAddress: string;
  /** The ends of the cable. */
  readonly coordinatorDevice: string;
  readonly agentDevice: string;
  /** In front of a command: run it on that host. */
  readonly onCoordinator: readonly string[];
  readonly onAgent: readonly string[];
  /** A program that starts `executable` on the coordinator's host: for Playwright, which wants one file. */
  wrapper(executable: string, folder: string): Promise<string>;
  remove(): Promise<void>;
}

/** Whether this machine can make network namespaces; the reason when it cannot. */
export async function whyNoNamespaces(): Promise<string | null> {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux alone';
  if (process.getuid?.() !== 0) return 'making network namespaces needs root';
  try {
    await run('ip', ['netns', 'list']);
    await run('nft', ['--version']);
    return null;
  } catch (error) {
    return `ip and nft are needed (packages iproute2, nftables): ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Rules of the agent's host: nothing new comes in. Answers to what it opened itself do. */
const NOTHING_COMES_IN = `
table inet guard {
  chain input {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
    ct state new counter drop
  }
}`;

/** Makes the two hosts and shuts the agent's one against every new inbound packet. */
export async function twoHosts(): Promise<TwoHosts> {
  const suffix = `${process.pid}`;
  const coordinator = `or-c-${suffix}`;
  const agent = `or-a-${suffix}`;
  const coordinatorAddress = '10.213.77.1';
  const agentAddress = '10.213.77.2';
  const remove = async () => {
    // Deleting a namespace takes its end of the cable, and so the cable, with it.
    for (const name of [coordinator, agent])
      await run('ip', ['netns', 'delete', name]).catch((error: unknown) => console.error(String(error)));
  };
  await run('ip', ['netns', 'add', coordinator]);
  await run('ip', ['netns', 'add', agent]);
  try {
    await run('ip', [
      'link',
      'add',
      `orc${suffix}`,
      'netns',
      coordinator,
      'type',
      'veth',
      'peer',
      'name',
      `ora${suffix}`,
      'netns',
      agent,
    ]);
    for (const [name, device, address] of [
      [coordinator, `orc${suffix}`, coordinatorAddress],
      [agent, `ora${suffix}`, agentAddress],
    ] as const) {
      await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
      // Without: a second later the kernel adds an IPv6 address, and a browser breaks off what it loads because "the network changed".
      await run('ip', ['-n', name, 'link', 'set', device, 'addrgenmode', 'none']);
      await run('ip', ['-n', name, 'addr', 'add', `${address}/24`, 'dev', device]);
      await run('ip', ['-n', name, 'link', 'set', device, 'up']);
    }
    await carrier(coordinator, `orc${suffix}`);
    await carrier(agent, `ora${suffix}`);
    await feed(['ip', 'netns', 'exec', agent, 'nft', '-f', '-'], NOTHING_COMES_IN);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    coordinatorAddress,
    agentAddress,
    coordinatorDevice: `orc${suffix}`,
    agentDevice: `ora${suffix}`,
    onCoordinator: ['ip', 'netns', 'exec', coordinator],
    onAgent: ['ip', 'netns', 'exec', agent],
    async wrapper(executable, folder) {
      const file = path.join(folder, 'on-coordinator-host');
      await writeFile(file, `#!/bin/sh\nexec ip netns exec ${coordinator} ${executable} "$@"\n`);
      await chmod(file, 0o755);
      return file;
    },
    remove,
  };
}

/** Resolves when the kernel has told everybody that the cable is in; for the same reason. */
async function carrier(host: string, device: string): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    const { stdout } = await run('ip', ['-n', host, '-o', 'link', 'show', 'dev', device]);
    if (stdout.includes('state UP')) return;
  }
  throw new Error(`The device ${device} did not come up.`);
}

/** Runs a command with `input` on its standard input; rejects with what it said when it fails. */
export async function feed(command: readonly string[], input: string): Promise<void> {
  const [program, ...args] = command as [string, ...string[]];
  const child = run(program, args);
  child.child.stdin?.end(input);
  await child;
}

/** Runs a command to its end and gives what it printed. */
export async function capture(command: readonly string[]): Promise<string> {
  const [program, ...args] = command as [string, ...string[]];
  return (await run(program, args)).stdout;
}
