import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CoordinatorFileSchema } from '../protocol/data-folder.ts';

let base: string;
let dataDir: string;
const children = new Set<ChildProcess>();
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'outrunner-main-'));
  dataDir = join(base, 'data');
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  children.clear();
  await rm(base, { recursive: true, force: true });
});

interface Program {
  readonly child: ChildProcess;
  stdout: string;
  stderr: string;
  readonly ended: Promise<number | string>;
  /** The first URL on standard output. Rejects when it ends without one. */
  readonly url: Promise<string>;
}

/** Runs the coordinator as a person or a service does. */
function run(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; channel?: boolean; fd?: boolean } = {},
): Program {
  const stdio: ('pipe' | 'ipc')[] = ['pipe', 'pipe', 'pipe'];
  if (options.fd) stdio.push('pipe');
  if (options.channel) stdio.push('ipc');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    stdio,
    env: { ...process.env, ...options.env },
  });
  children.add(child);
  let stdout = '';
  let stderr = '';
  let found: (url: string) => void;
  let failed: (error: Error) => void;
  const url = new Promise<string>((resolve, reject) => {
    found = resolve;
    failed = reject;
  });
  url.catch(() => undefined);
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
    const match = /https?:\/\/\S+/.exec(stdout);
    if (match !== null) found(match[0]);
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      failed(new Error(`It ended with ${code ?? signal} and said: ${stdout}${stderr}`));
      resolve(code ?? signal ?? 'unknown');
    });
  });
  return {
    child,
    ended,
    url,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
  };
}

const start = (...more: string[]) => run(['--data-dir', dataDir, '--port', '0', '--log-level', 'error', ...more]);

/** It ends at once, with this code and one line on standard error that fits. */
async function refusal(program: Program): Promise<{ code: number | string; lines: string[]; stdout: string }> {
  const code = await program.ended;
  return { code, lines: program.stderr.trimEnd().split('\n'), stdout: program.stdout };
}

async function occupied(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port.');
  return { server, port: address.port };
}

// Whole processes on a machine that may be busy with other tests.
describe('a start', { timeout: 60_000 }, () => {
  it('says where it answers, shows the password of admin once, and leaves a ticket for the owner', async () => {
    const first = start();
    const url = await first.url;
    expect((await fetch(`${url}/api/v1/health`)).status).toBe(200);
    const file = CoordinatorFileSchema.parse(JSON.parse(await readFile(join(dataDir, 'coordinator.json'), 'utf8')));
    expect(file).toMatchObject({ url, pid: first.child.pid });
    expect((await stat(join(dataDir, 'owner.ticket'))).mode & 0o777).toBe(0o600);
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(first.stdout).toMatch(/name admin, password [a-z2-9-]{23} /);
    expect(existsSync(join(dataDir, 'coordinator.json'))).toBe(false);
    const second = start();
    await second.url;
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);
    expect(second.stdout).not.toContain('password');
    expect([first.stderr, second.stderr]).toEqual(['', '']);
  });

  it('tells the program that started it, by a file descriptor and by a channel, and stops when told by it', async () => {
    const program = run(
      ['--data-dir', dataDir, '--port', '0', '--embedded', '--log-level', 'error', '--ready-fd', '3'],
      { channel: true, fd: true },
    );
    const [[said], line] = await Promise.all([
      once(program.child, 'message'),
      once(program.child.stdio[3] as NodeJS.ReadableStream, 'data'),
    ]);
    expect(said).toEqual({ type: 'ready', url: await program.url, pid: program.child.pid });
    expect(JSON.parse(String(line))).toEqual(said);
    program.child.send({ type: 'stop' });
    expect(await program.ended).toBe(0);
    expect(program.stdout).not.toContain('password');
  });

  it('ends with its parent when that is asked for', async () => {
    const program = start('--exit-with-parent');
    await program.url;
    program.child.stdin?.end();
    expect(await program.ended).toBe(0);
  });

  it('works again after it was killed, on the same folder and with everything in it', async () => {
    const first = start();
    await first.url;
    first.child.kill('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');
    expect(existsSync(join(dataDir, 'coordinator.json'))).toBe(true);
    const second = start();
    expect((await fetch(`${await second.url}/api/v1/health`)).status).toBe(200);
  });

  it('takes the next free port when it may search', async () => {
    const { server, port } = await occupied();
    const program = run(['--data-dir', dataDir, '--port', String(port), '--port-search', '--log-level', 'error']);
    const found = Number(new URL(await program.url).port);
    expect(found).toBeGreaterThan(port);
    expect(found).toBeLessThanOrEqual(port + 20);
    server.close();
  });
});

describe('what a person can mend is one clear line and a documented exit code', { timeout: 60_000 }, () => {
  it('a port in use', async () => {
    const { server, port } = await occupied();
    const { code, lines } = await refusal(run(['--data-dir', dataDir, '--port', String(port), '--log-level', 'error']));
    expect([code, lines]).toEqual([
      12,
      [expect.stringMatching(new RegExp(`^127.0.0.1:${port} is in use by another program`))],
    ]);
    server.close();
  });

  it('a data folder that another coordinator uses', async () => {
    const first = start();
    const url = await first.url;
    const { code, lines } = await refusal(start());
    expect([code, lines.length]).toEqual([11, 1]);
    expect(lines[0]).toContain(`in use by the coordinator at ${url} (process ${first.child.pid})`);
  });

  it('a database that is damaged', async () => {
    const first = start();
    await first.url;
    first.child.kill('SIGTERM');
    await first.ended;
    await writeFile(join(dataDir, 'outrunner.db'), 'not a database at all, '.repeat(1000));
    const { code, lines } = await refusal(start());
    expect([code, lines]).toEqual([10, [expect.stringMatching(/outrunner\.db is damaged or is not a database/)]]);
  });

  it('a file where the data folder should be', async () => {
    await writeFile(dataDir, '');
    const { code, lines } = await refusal(start());
    expect([code, lines]).toEqual([10, [expect.stringMatching(/a file is in the way/)]]);
  });

  it('settings that are wrong, unknown, or would send passwords readable over the network', async () => {
    const cases: [string[], RegExp][] = [
      [['--port', 'many'], /^--port must be a number/],
      [['--nonsense'], /nonsense/],
      [['--host', '0.0.0.0'], /without TLS passwords and tokens would travel readable/],
      [
        ['--tls-cert', join(base, 'none.pem'), '--tls-key', join(base, 'none.pem')],
        /--tls-key: the file cannot be read/,
      ],
      [['--trusted-proxy', 'proxy.example', '--public-url', 'https://o.example'], /is no address/],
    ];
    const refused = await Promise.all(cases.map(([args]) => refusal(run(['--data-dir', dataDir, ...args]))));
    for (const [index, { code, lines, stdout }] of refused.entries()) {
      const [args, text] = cases[index] ?? [[], /./];
      expect([args, code, lines, stdout]).toEqual([args, 2, [expect.stringMatching(text)], '']);
    }
    expect(existsSync(dataDir)).toBe(false);
  });

  it('help and version are no starts', async () => {
    const help = run(['--help']);
    expect(await help.ended).toBe(0);
    expect(help.stdout).toContain('--data-dir');
    const version = run(['--version']);
    expect(await version.ended).toBe(0);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
