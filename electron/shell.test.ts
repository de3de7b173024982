import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BUNDLES, bundle } from '../build/bundle.ts';
import { chromiumLaunchOptions } from '../build/find-chromium.ts';
import { DATA_FOLDER_VARIABLE } from '../protocol/data-folder.ts';
import { IPC } from '../protocol/ipc.ts';
import { type AppFolder, makeAppFolder } from './testing/run-shell.ts';
import { SmallCoordinator } from './testing/small-coordinator.ts';
import { StandIn, type StandInOptions } from './testing/stand-in.ts';

/**
 * The real `main.ts` and the real preload bundle, in a real Chromium, on a stand-in of Electron. What a real Electron has to
 * prove once stands in `e2e/electron`.
 */
declare global {
  interface Window {
    seen: unknown[];
    violations: string[];
    leave: (() => void) | undefined;
  }
}

let browser: Browser;
let folder: AppFolder;
let started: StandIn[];

beforeAll(async () => {
  browser = await chromium.launch(chromiumLaunchOptions());
});
afterAll(() => browser.close());
beforeEach(async () => {
  folder = await makeAppFolder(async (output) => void (await bundle(BUNDLES.electronPreload, output)));
  started = [];
  process.env[DATA_FOLDER_VARIABLE] = folder.dataFolder;
});
afterEach(async () => {
  for (const standIn of started) {
    void standIn.quit();
    await standIn.exited;
  }
  delete process.env[DATA_FOLDER_VARIABLE];
  await folder.remove();
});

/** Starts `main.ts` from nothing, as a new process would. */
async function start(more: Partial<StandInOptions> = {}, prepare: (standIn: StandIn) => void = () => undefined) {
  const standIn = new StandIn({ browser, userData: folder.userData, appPath: folder.appPath, ...more });
  prepare(standIn);
  started.push(standIn);
  vi.resetModules();
  vi.doMock('electron', () => standIn.electron);
  vi.spyOn(console, 'error').mockImplementation((line: unknown) => void standIn.log.push(String(line)));
  await import('./main.ts');
  return standIn;
}

async function open(more: Partial<StandInOptions> = {}, prepare?: (standIn: StandIn) => void) {
  const standIn = await start(more, prepare);
  const shell = await standIn.window();
  const page = await shell.webContents.page;
  await page.waitForSelector('[data-ready]');
  return { standIn, shell, page };
}

const who = (page: Page) =>
  page.evaluate(
    async () => (await fetch('/api/v1/who')).json() as Promise<{ pid: number; authorization: string; args: string[] }>,
  );
const ask = (page: Page, channel: string, input?: unknown) =>
  page.evaluate(
    ([name, value]) => {
      const { outrunner } = window as unknown as {
        outrunner: { invoke(name: unknown, input: unknown): Promise<unknown> };
      };
      return outrunner.invoke(name, value).then(
        (output) => ({ output }),
        (problem: unknown) => ({ problem: problem instanceof Error ? problem.message : problem }),
      );
    },
    [channel, input],
  );

describe('the desktop shell', () => {
  it('opens its window on the page, under the policy, without a violation', async () => {
    const { page, shell, standIn } = await open();
    expect(shell.webContents.getURL()).toBe('app://outrunner/');
    expect(await page.title()).toBe('small page');
    expect(await page.evaluate(() => getComputedStyle(document.querySelector('h1') as Element).color)).toBe(
      'rgb(1, 2, 3)',
    );
    const policy = await page.evaluate(async () => (await fetch('/')).headers.get('content-security-policy'));
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self' 'nonce-");
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true;';
      document.body.append(script);
    });
    expect(await page.evaluate(() => [window.violations, 'injected' in window])).toEqual([['script-src-elem'], false]);
    expect(standIn.privileges).toMatchObject([{ scheme: 'app', privileges: { standard: true, secure: true } }]);
    expect(standIn.log).toContain('enableSandbox');
    expect(shell.options.webPreferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
    });
    expect(standIn.menu).toBeInstanceOf(Array);
  });

  it('starts the coordinator, and forwards the API with a token that the page never sees', async () => {
    const { page, standIn } = await open();
    const answer = await who(page);
    expect(answer.pid).toBe(standIn.processes[0]?.pid);
    expect(answer.authorization).toBe('Bearer token-1');
    const where = ['--data-dir', folder.dataFolder, '--host', '127.0.0.1'];
    expect(answer.args).toEqual([...where, '--embedded', '--log-level', 'warn', '--port', '4440', '--port-search']);
    const everything = await page.evaluate(async () => {
      const response = await fetch('/api/v1/who', { headers: { Authorization: 'Bearer stolen' } });
      return [document.cookie, JSON.stringify([...response.headers]), Object.keys(window), localStorage.length];
    });
    expect(JSON.stringify(everything)).not.toContain('token-1');
    expect(JSON.stringify(everything)).not.toContain('must-not-arrive');
    const refused = await page.evaluate(
      async () => (await fetch('/api/v1/session', { method: 'POST', body: '{}' })).status,
    );
    expect(refused).toBe(403);
  });

  it('streams live events as they come, and ends the call when the page leaves', async () => {
    const small = await SmallCoordinator.start();
    await announce(small);
    const { page } = await open();
    await page.evaluate(async () => {
      window.seen = [];
      const leave = new AbortController();
      window.leave = () => leave.abort();
      const { body } = await fetch('/api/v1/live', { signal: leave.signal });
      const reader = (body as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream()).getReader();
      void (async () => {
        for (;;) window.seen.push((await reader.read()).value);
      })().catch((error: Error) => window.seen.push(error.name));
    });
    await page.waitForFunction(() => window.seen.length === 1);
    const [stream] = small.streams;
    stream?.write('event: change\ndata: {"n":1}\n\n');
    await page.waitForFunction(() => window.seen.length === 2);
    const gone = once(stream as NonNullable<typeof stream>, 'close');
    await page.evaluate(() => window.leave?.());
    await gone;
    await page.waitForFunction(() => window.seen.length === 3);
    expect(await page.evaluate(() => window.seen)).toEqual([
      'event: beat\ndata: {}\n\n',
      'event: change\ndata: {"n":1}\n\n',
      'AbortError',
    ]);
    await small.stop();
  });

  it('gives the page one object with two functions, and the channels of the table alone', async () => {
    const { page, standIn } = await open();
    expect(
      await page.evaluate(() => [Object.keys(window.outrunner ?? {}).sort(), 'require' in window, 'process' in window]),
    ).toEqual([['invoke', 'on'], false, false]);
    await who(page);
    expect(await ask(page, 'shell.version')).toMatchObject({
      output: { version: '9.9.9', platform: process.platform },
    });
    expect(await ask(page, 'theme.set', { theme: 'dark' })).toEqual({});
    expect(standIn.nativeTheme.themeSource).toBe('dark');
    expect(await ask(page, 'theme.set', { theme: 'pink' })).toMatchObject({ problem: { code: 'invalid-input' } });
    expect(await ask(page, 'no.such.channel')).toEqual({ problem: 'This is not a channel of the desktop shell.' });
    expect(await ask(page, 'profiles.list')).toMatchObject({
      output: { active: 'embedded', profiles: [{ kind: 'embedded', signedIn: true }] },
    });
    expect(await ask(page, 'link.open', { url: 'https://example.com/docs' })).toEqual({});
    expect(await ask(page, 'link.open', { url: 'file:///etc/passwd' })).toMatchObject({
      problem: { code: 'invalid-input' },
    });
    expect(standIn.answers.seen).toEqual([{ what: 'external', detail: 'https://example.com/docs' }]);
  });

  it('refuses messages from any other sender on every channel', async () => {
    const { standIn, shell } = await open();
    const frame = { parent: null, origin: 'app://outrunner', url: 'app://outrunner/' };
    const foreign = [
      {
        sender: shell.webContents,
        senderFrame: { ...frame, origin: 'https://evil.example', url: 'https://evil.example/' },
      },
      { sender: shell.webContents, senderFrame: { ...frame, parent: frame } },
      { sender: shell.webContents, senderFrame: null },
      { sender: {}, senderFrame: frame },
    ];
    for (const channel of Object.keys(IPC)) {
      for (const event of foreign) {
        await expect(standIn.ipcMain.invoke(event, `outrunner:${channel}`, [undefined])).rejects.toThrow('refused');
      }
    }
    expect(standIn.log.join()).toContain('evil.example');
  });

  it('cannot be led to another page, into another window or to a download', async () => {
    const { page, shell, standIn } = await open();
    for (const url of ['https://evil.example/', 'http://127.0.0.1:9/', 'https://outrunner/']) {
      const refused = () => standIn.log.filter((line) => line.includes(`refused to go to ${url}`)).length;
      await page.evaluate((to) => {
        location.href = to;
      }, url);
      // A second try before the first was asked about takes its place.
      await expect.poll(refused).toBe(1);
      await page.evaluate((to) => {
        const link = Object.assign(document.createElement('a'), { href: to, textContent: 'x' });
        document.body.append(link);
        link.click();
      }, url);
      await expect.poll(refused).toBe(2);
    }
    await page.evaluate(() => void window.open('https://evil.example/popup'));
    await expect.poll(() => standIn.log.join()).toContain('refused to open a window');
    await expect.poll(() => page.context().pages().length).toBe(1);
    expect(shell.webContents.getURL()).toBe('app://outrunner/');
    expect(await page.title()).toBe('small page');
    const download = { preventDefault: vi.fn() };
    standIn.session.emit('will-download', download);
    expect(download.preventDefault).toHaveBeenCalled();
    const ask = (permission: string, requestingUrl: string) =>
      new Promise((resolve) =>
        standIn.session.permissionRequest?.({}, permission, resolve, { requestingUrl, isMainFrame: true }),
      );
    expect(await ask('notifications', 'app://outrunner/')).toBe(true);
    expect(await ask('media', 'app://outrunner/')).toBe(false);
    expect(await ask('notifications', 'https://evil.example/')).toBe(false);
    expect(standIn.session.permissionCheck?.({}, 'geolocation', 'app://outrunner', { isMainFrame: true })).toBe(false);
    expect(standIn.session.devicePermission?.({})).toBe(false);
  });

  it('can go to its own pages, and keeps the bridge there', async () => {
    const { page, shell } = await open();
    await page.evaluate(() => {
      location.href = '/runners/1';
    });
    await page.waitForURL('**/runners/1');
    await page.waitForSelector('[data-ready]');
    expect(shell.webContents.getURL()).toBe('app://outrunner/runners/1');
    expect(await ask(page, 'shell.version')).toHaveProperty('output');
  });
});

describe('start and end of the shell', () => {
  it('shows the page again when it crashes, but not for ever', async () => {
    const { page, shell, standIn } = await open();
    const loads: string[] = [];
    page.on('load', () => loads.push('load'));
    for (let crash = 1; crash <= 3; crash++) {
      shell.webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 1 });
      await expect.poll(() => loads.length).toBe(crash);
    }
    shell.webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 1 });
    shell.webContents.emit('render-process-gone', {}, { reason: 'clean-exit', exitCode: 0 });
    expect(await ask(page, 'shell.version')).toHaveProperty('output');
    expect(loads).toHaveLength(3);
    expect(standIn.log.filter((line) => line.includes('The page ended'))).toHaveLength(5);
  });

  it('a second start gives way, and brings the first one forward with its link', async () => {
    const { standIn, shell, page } = await open();
    shell.minimize();
    const second = await start();
    await second.exited;
    expect(second.windows).toEqual([]);
    expect(second.processes).toEqual([]);
    await expect.poll(() => shell.calls.slice(-3)).toEqual(['restore', 'show', 'focus']);
    expect(standIn.windows).toHaveLength(1);
    const id = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
    standIn.app.emit('second-instance', {}, ['outrunner', `outrunner://runner/${id}`]);
    await page.waitForURL(`**/runners/${id}`);
  });

  it('quitting stops the coordinator that it started, gracefully', async () => {
    const { standIn, page } = await open();
    const { pid } = await who(page);
    void standIn.quit();
    await standIn.exited;
    expect(await readFile(join(folder.dataFolder, 'stopped'), 'utf8')).toBe(String(pid));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('starts it again when it dies, and the page is served again', async () => {
    const { page, standIn } = await open();
    const { pid } = await who(page);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => standIn.processes.length, { timeout: 10_000 }).toBe(2);
    const again = await who(page);
    expect(again.pid).toBe(standIn.processes[1]?.pid);
    expect(standIn.log.join('\n')).toContain('The coordinator ended with code');
  });

  it('uses a coordinator that runs already, and leaves it running', async () => {
    const small = await SmallCoordinator.start();
    small.on('GET /who', (_request, response) => void response.end('{"pid":0}'));
    await announce(small);
    const { page, standIn } = await open();
    expect(await who(page)).toEqual({ pid: 0 });
    void standIn.quit();
    await standIn.exited;
    expect(standIn.processes).toEqual([]);
    expect((await fetch(`${small.url}/api/v1/health`)).ok).toBe(true);
    await small.stop();
  });

  it('shows the reason when the coordinator cannot start', async () => {
    await mkdir(folder.dataFolder, { recursive: true });
    await writeFile(join(folder.dataFolder, 'refuse'), 'The data folder /x cannot be written.');
    const { page } = await open();
    const problem = await page.evaluate(async () => (await fetch('/api/v1/me')).json() as Promise<unknown>);
    expect(problem).toMatchObject({ code: 'coordinator-unreachable', detail: 'The data folder /x cannot be written.' });
  });

  it('opens where it was left, in the theme that was chosen, also after a broken settings file', async () => {
    const first = await open();
    await ask(first.page, 'theme.set', { theme: 'dark' });
    first.shell.setBounds({ x: 40, y: 50, width: 1111, height: 777 });
    void first.standIn.quit();
    await first.standIn.exited;
    await expect.poll(() => readFileSync(join(folder.userData, 'settings.json'), 'utf8')).toContain('1111');
    const second = await open();
    expect(second.shell.getNormalBounds()).toEqual({ x: 40, y: 50, width: 1111, height: 777 });
    expect(second.standIn.nativeTheme.themeSource).toBe('dark');
    void second.standIn.quit();
    await second.standIn.exited;
    await writeFile(join(folder.userData, 'settings.json'), '{"half');
    const third = await open();
    expect(third.standIn.nativeTheme.themeSource).toBe('system');
    expect(third.standIn.log.join()).toContain('cannot be understood');
  });

  it('tells the person when it cannot start at all, and ends', async () => {
    await rm(join(folder.appPath, 'package.json'));
    const standIn = await start();
    await standIn.exited;
    expect(standIn.answers.seen).toEqual([
      { what: 'error box', detail: expect.stringContaining('cannot start') as string },
    ]);
  });

  it('a packaged one takes links, and none of the switches that weaken it', async () => {
    const { standIn, shell } = await open({ isPackaged: true });
    expect(standIn.log).toContain('protocol client outrunner');
    expect(standIn.log).toContain('removed switch remote-debugging-port');
    expect(standIn.log).toContain('removed switch disable-web-security');
    expect(shell.options.webPreferences).toMatchObject({ devTools: false });
    expect(JSON.stringify(standIn.menu)).not.toContain('toggleDevTools');
  });
});

describe('remote coordinators', () => {
  async function withRemote(
    keyRing: 'gnome_libsecret' | 'basic_text',
    test: (page: Page, remote: SmallCoordinator) => Promise<void>,
  ) {
    const remote = await SmallCoordinator.start();
    remote.on(
      'GET /who',
      (request, response) => void response.end(JSON.stringify({ authorization: request.headers.authorization })),
    );
    const { page, standIn } = await open({}, (prepared) => {
      prepared.answers.keyRing = keyRing;
    });
    await test(page, remote);
    void standIn.quit();
    await standIn.exited;
    await remote.stop();
  }

  it('are confirmed outside of the page, signed in to by the shell, and told to the page as they change', async () => {
    await withRemote('gnome_libsecret', async (page, remote) => {
      // The coordinator of this computer is announced as well, when it has started: that is not what is looked at.
      await who(page);
      await page.evaluate(() => {
        window.seen = [];
        window.leave = window.outrunner?.on('profiles.changed', (profiles) => window.seen.push(profiles.active));
      });
      const added = (await ask(page, 'profiles.add', { url: remote.url, label: 'Site' })) as {
        output: { active: string };
      };
      expect(await ask(page, 'session.signIn', { name: 'admin', password: 'wrong' })).toMatchObject({
        problem: { code: 'sign-in-refused' },
      });
      const signedIn = await ask(page, 'session.signIn', { name: 'admin', password: 'right' });
      expect(signedIn).toMatchObject({
        output: { profiles: [{}, { label: 'Site', signedIn: true, remembered: true }] },
      });
      expect(await who(page)).toEqual({ authorization: 'Bearer token-1' });
      const seen = await page.evaluate(() => window.seen);
      expect(new Set(seen)).toEqual(new Set([added.output.active]));
      await page.evaluate(() => window.leave?.());
      await ask(page, 'profiles.use', { id: 'embedded' });
      expect(await page.evaluate(() => window.seen)).toEqual(seen);
      const stored = await readFile(join(folder.userData, 'tokens.json'), 'utf8');
      expect(stored).not.toContain('token-1');
    });
    const { page } = await open();
    expect(await ask(page, 'profiles.list')).toMatchObject({
      output: { active: 'embedded', profiles: [{}, { label: 'Site', signedIn: true }] },
    });
  });

  it('are forgotten with the console where no key ring keeps their tokens, and the page can say so', async () => {
    await withRemote('basic_text', async (page, remote) => {
      await ask(page, 'profiles.add', { url: remote.url, label: 'Site' });
      expect(await ask(page, 'session.signIn', { name: 'admin', password: 'right' })).toMatchObject({
        output: { profiles: [{}, { signedIn: true, remembered: false }] },
      });
    });
    await expect(readFile(join(folder.userData, 'tokens.json'))).rejects.toThrow('ENOENT');
  });
});

/** Makes `small` the coordinator of the data folder. */
async function announce(small: SmallCoordinator): Promise<void> {
  await mkdir(folder.dataFolder, { recursive: true });
  await writeFile(join(folder.dataFolder, 'owner.ticket'), small.ticket);
  await writeFile(join(folder.dataFolder, 'coordinator.json'), JSON.stringify({ url: small.url, pid: process.pid }));
}
