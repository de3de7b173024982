import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CoordinatorFileSchema } from '../protocol/data-folder.ts';
import { ROOT } from './paths.ts';

/** `npm start` as a person has it: real processes, real ports, real signals. */
let folder: string;
let started: Started[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-start-'));
  started = [];
});
afterEach(async () => {
  for (const each of started) {
    if (each.child.exitCode === null && each.child.signalCode === null) each.child.kill('SIGKILL');
    await each.ended;
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
});

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** The first match in what it printed, waiting for it. */
  said(pattern: RegExp): Promise<string>;
}

function start(args: readonly string[], env: Record<string, string> = {}, uid?: number): Started {
  const child = spawn(process.execPath, [join(ROOT, 'build', 'start.ts'), ...args], {
    env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '', OUTRUNNER_DATA_DIR: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that Ctrl-C can be sent to it as a terminal does: to all of it.
    detached: true,
    ...(uid === undefined ? {} : { uid }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, stdout, stderr }));
  const made: Started = {
    child,
    ended,
    async said(pattern) {
      for (;;) {
        const match = pattern.exec(stdout);
        if (match) return match[1] ?? match[0];
        const more = await Promise.race([once(child.stdout, 'data'), ended.then(() => null)]);
        if (more === null && !pattern.test(stdout))
          throw new Error(`it ended without saying ${pattern}: ${stdout}${stderr}`);
      }
    },
  };
  started.push(made);
  return made;
}

const LINK = /(http:\/\/127\.0\.0\.1:\d+)\/#ticket=(\S+)/;
const dataFolder = (name = 'data') => join(folder, name);
const serve = (name?: string, ...args: string[]) => start(['--data-dir', dataFolder(name), '--no-open', ...args]);
const ctrlC = ({ child }: Started) => process.kill(-(child.pid ?? 0), 'SIGINT');
const pidOf = async (name?: string) =>
  CoordinatorFileSchema.parse(JSON.parse(await readFile(join(dataFolder(name), 'coordinator.json'), 'utf8'))).pid;
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
/** Our own lines: a build that happened to be needed says its own first. */
const withoutBuild = (text: string) => text.split('\n').filter((line) => /Outrunner|link|Ctrl-C/.test(line));

const withoutRefusal = (text: string) => text.split('\n').filter((line) => line !== '' && !line.includes('status=401'));

async function occupied(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

describe('npm start in the browser', { timeout: 180_000 }, () => {
  it('prints a link that signs in once, and Ctrl-C ends all of it', async () => {
    const first = serve();
    const link = LINK.exec(
      await first.said(new RegExp(LINK.source, 'd')).then(() => first.said(/http:\S+#ticket=\S+/)),
    );
    const [, url, ticket] = link ?? [];
    const signIn = () =>
      fetch(`${url}/api/v1/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ticket }),
      });
    expect((await signIn()).status).toBe(200);
    expect((await signIn()).status).toBe(401);
    expect(await (await fetch(`${url}/`)).text()).toContain('<div id="root">');
    await first.said(/Ctrl-C stops it/);
    const pid = await pidOf();
    ctrlC(first);
    const { code, stderr } = await first.ended;
    // The second sign-in was refused, and that is all there was to tell.
    expect([code, withoutRefusal(stderr)]).toEqual([0, []]);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(dataFolder(), 'coordinator.json'))).toBe(false);
  });

  it('a second start finds the first, shows its link and ends; another folder gets the next port', async () => {
    const first = serve();
    const url = await first.said(/Outrunner runs at (\S+)/);
    await first.said(/Ctrl-C/);
    const second = await serve().ended;
    expect(second.code).toBe(0);
    expect(withoutBuild(second.stdout)[0]).toBe(`Outrunner runs already at ${url}`);
    expect(second.stdout).toContain(`${url}/#ticket=`);
    const other = serve('other');
    expect(await other.said(/Outrunner runs at (\S+)/)).not.toBe(url);
    await other.said(/Ctrl-C/);
    other.child.kill('SIGTERM');
    first.child.kill('SIGTERM');
    expect([(await other.ended).code, (await first.ended).code]).toEqual([0, 0]);
  });

  it('takes the coordinator with it when it is killed itself, and starts again after', async () => {
    const first = serve();
    await first.said(/Ctrl-C/);
    const pid = await pidOf();
    first.child.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    const again = serve();
    await again.said(/Ctrl-C/);
    ctrlC(again);
    expect((await again.ended).code).toBe(0);
  });

  it('says so when the coordinator dies, and fails', async () => {
    const first = serve();
    await first.said(/Ctrl-C/);
    process.kill(await pidOf(), 'SIGKILL');
    const { code, stdout } = await first.ended;
    expect(code).not.toBe(0);
    expect(stdout).toContain('The coordinator ended by itself');
  });

  it('has one clear line for a port in use, a folder that is a file, and wrong flags', async () => {
    const { server, port } = await occupied();
    await writeFile(dataFolder('file'), 'not a folder');
    const cases: [Started, number, RegExp][] = [
      [serve('data', '--port', String(port)), 12, new RegExp(`${port}`)],
      [serve('file'), 10, /file/],
      [serve('data', '--port', 'many'), 2, /--port must be a number/],
      [serve('data', '--colour'), 2, /Unknown option '--colour'/],
    ];
    for (const [run, code, line] of cases) {
      const end = await run.ended;
      expect(end.code, end.stderr).toBe(code);
      expect(end.stderr.trim().split('\n')).toEqual([expect.stringMatching(line)]);
      expect(withoutBuild(end.stdout)).toEqual([]);
    }
    await new Promise((resolve) => server.close(resolve));
  });

  it('has one clear line for a folder that it may not use', async (context) => {
    if (process.platform === 'win32') return context.skip('permissions are another matter on Windows');
    await mkdir(dataFolder());
    await chmod(dataFolder(), 0o500);
    await chmod(folder, 0o755);
    // Root may write everything: then somebody else tries.
    const run = start(['--data-dir', dataFolder(), '--no-open'], {}, process.getuid?.() === 0 ? 65_534 : undefined);
    const { code, stderr } = await run.ended;
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(dataFolder())]);
    expect(code).toBe(10);
  });

  it('explains itself', async () => {
    const { code, stdout } = await start(['--help']).ended;
    expect(code).toBe(0);
    for (const flag of ['--data-dir', '--port', '--browser', '--no-open', '--help']) expect(stdout).toContain(flag);
  });
});

describe('npm start with Electron', { timeout: 180_000 }, () => {
  it('starts it on the data folder, and Ctrl-C ends it too', async (context) => {
    if (process.platform === 'win32') return context.skip('a script cannot stand for a program on Windows');
    const electron = join(folder, 'electron');
    const said = join(folder, 'said.json');
    await writeFile(
      electron,
      `#!${process.execPath}\n` +
        `process.on('SIGINT', () => process.exit(0));\n` +
        `require('node:fs').writeFileSync(${JSON.stringify(said)}, JSON.stringify({ args: process.argv.slice(2), ` +
        'data: process.env.OUTRUNNER_DATA_DIR, port: process.env.OUTRUNNER_PORT, node: process.env.ELECTRON_RUN_AS_NODE }));\n' +
        `console.log('the window is open'); setInterval(() => {}, 1000);\n`,
    );
    await chmod(electron, 0o755);
    const env = { OUTRUNNER_ELECTRON: electron, DISPLAY: ':0', ELECTRON_RUN_AS_NODE: '1' };
    const run = start(['--data-dir', dataFolder(), '--port', '4567'], env);
    await run.said(/the window is open/);
    expect(JSON.parse(await readFile(said, 'utf8'))).toEqual({ args: [ROOT], data: dataFolder(), port: '4567' });
    ctrlC(run);
    expect((await run.ended).code).toBe(0);
  });
});
