import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';

const SQUID = '/usr/sbin/squid';
const PASSWORD_CHECK = '/usr/lib/squid/basic_ncsa_auth';

/** Whether this host has Squid as Debian brings it. */
export const hasSquid = existsSync(SQUID) && existsSync(PASSWORD_CHECK);

export interface Squid {
  readonly port: number;
  /** Ends it as an administrator does, and starts it again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves with its log of requests: one line for each that has ended. */
  log(): Promise<string>;
}

export interface SquidSettings {
  /** Who may use it, by basic authentication; absent: everybody. */
  readonly account?: { readonly name: string; readonly password: string } | undefined;
  /** Lets no more than this through, of all connections together. */
  readonly bytesPerSecond?: number;
}

/** Starts a real Squid on loopback that keeps its files in `folder`. Stop it before the folder goes. */
export async function startSquid(folder: string, { account, bytesPerSecond }: SquidSettings = {}): Promise<Squid> {
  // Started by root, it works as a user of its own.
  await chmod(folder, 0o777);
  const port = await freePort();
  // Its shared memory carries this name, and there may be another one on the host.
  const service = `outrunner${randomBytes(6).toString('hex')}`;
  const path = (name: string) => join(folder, name);
  if (account !== undefined) {
    const hash = execFileSync('openssl', ['passwd', '-apr1', account.password], { encoding: 'utf8' }).trim();
    await writeFile(path('passwords'), `${account.name}:${hash}\n`);
  }
  const access =
    account === undefined
      ? ['http_access allow all']
      : [
          `auth_param basic program ${PASSWORD_CHECK} ${path('passwords')}`,
          'auth_param basic children 1',
          'acl known proxy_auth REQUIRED',
          'http_access allow known',
          'http_access deny all',
        ];
  const slow = [
    'delay_pools 1',
    'delay_class 1 1',
    'delay_access 1 allow all',
    `delay_parameters 1 ${bytesPerSecond}/${bytesPerSecond}`,
  ];
  const settings = [
    `http_port 127.0.0.1:${port}`,
    ...access,
    ...(bytesPerSecond === undefined ? [] : slow),
    `pid_filename ${path('squid.pid')}`,
    `access_log stdio:${path('access.log')}`,
    `cache_log ${path('cache.log')}`,
    `coredump_dir ${folder}`,
    'cache deny all',
    'pinger_enable off',
    'shutdown_lifetime 0 seconds',
    'visible_hostname squid.test',
  ];
  await writeFile(path('squid.conf'), `${settings.join('\n')}\n`);

  let child: ChildProcess | null = null;
  const start = async () => {
    const started = spawn(SQUID, ['-N', '-d', '1', '-n', service, '-f', path('squid.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      started.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('Accepting HTTP Socket connections')) resolve();
      });
      started.once('close', () => reject(new Error(`Squid did not start:\n${said}`)));
    });
  };
  const stop = async () => {
    const running = child;
    if (running === null || running.exitCode !== null) return;
    const closed = once(running, 'close');
    running.kill('SIGTERM');
    await closed;
  };
  await start();
  return {
    port,
    stop,
    async restart() {
      await stop();
      await start();
    },
    log: () => readFile(path('access.log'), 'utf8'),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
