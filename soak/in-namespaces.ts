import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import { startProgram } from '../bench/harness/process.ts';
import { certificateFor } from '../e2e/support/certificate.ts';
import { twoHosts } from '../e2e/support/namespaces.ts';
import type { Report, TrialOptions } from './report.ts';

/** Handed to the program that runs on the coordinator's host, in its environment. */
const VARIABLE = 'OUTRUNNER_SOAK_HOSTS';
const PORT = 4440;

const HostsSchema = z.object({
  address: z.string(),
  onAgent: z.array(z.string()).min(1),
  agentDevice: z.string(),
  coordinatorDevice: z.string(),
  onCoordinator: z.array(z.string()),
  ca: z.string(),
  cert: z.string(),
  key: z.string(),
});

/** Two hosts in namespaces, as a trial on the coordinator's one sees them. */
export type Hosts = z.infer<typeof HostsSchema>;

/** The hosts of this process; null outside of {@link runOnCoordinatorHost}. */
export function hostsOfThisProcess(): Hosts | null {
  const text = process.env[VARIABLE];
  return text === undefined ? null : HostsSchema.parse(JSON.parse(text));
}

/**
 * Makes two hosts with a cable between them and runs `run.ts` with the same arguments on the coordinator's one: there the API
 * can be called. Resolves with its exit code when the hosts are gone again.
 */
export async function runOnCoordinatorHost(args: readonly string[], folder: string): Promise<number> {
  const hosts = await twoHosts();
  try {
    await mkdir(folder, { recursive: true });
    const address = hosts.coordinatorAddress;
    const { ca, cert, key } = await certificateFor(address, folder);
    const { onAgent, agentDevice, coordinatorDevice, onCoordinator } = hosts;
    const facts: Hosts = {
      address,
      onAgent: [...onAgent],
      onCoordinator: [...onCoordinator],
      agentDevice,
      coordinatorDevice,
      ca,
      cert,
      key,
    };
    const program = startProgram(process.execPath, [path.join(import.meta.dirname, 'run.ts'), ...args], {
      wrap: onCoordinator,
      env: { ...process.env, NODE_EXTRA_CA_CERTS: ca, [VARIABLE]: JSON.stringify(facts) },
    });
    program.child.stdout?.pipe(process.stdout, { end: false });
    program.child.stderr?.pipe(process.stderr, { end: false });
    const { code } = await program.ended;
    return code ?? 1;
  } finally {
    await hosts.remove();
  }
}

/** A coordinator with TLS on its host. */
export async function coordinatorOn(hosts: Hosts, work: string): Promise<CoordinatorProcess> {
  const tls = ['--tls-cert', hosts.cert, '--tls-key', hosts.key, '--tls-ca', hosts.ca];
  return await startCoordinator({
    dataDir: path.join(work, 'coordinator'),
    port: PORT,
    args: ['--host', hosts.address, ...tls],
  });
}

/** Makes a trial of what runs between two hosts. */
export function betweenHosts(run: (options: TrialOptions, hosts: Hosts) => Promise<Report>) {
  return async (options: TrialOptions): Promise<Report> => {
    const hosts = hostsOfThisProcess();
    if (hosts === null) throw new Error('This trial runs between two hosts in namespaces.');
    return await run(options, hosts);
  };
}
