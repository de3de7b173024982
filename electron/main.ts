import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  nativeTheme,
  net,
  protocol,
  safeStorage,
  screen,
  session,
  shell,
  utilityProcess,
} from 'electron';
import { systemClock } from '../protocol/clock.ts';
import { DATA_FOLDER_NAME, DATA_FOLDER_VARIABLE, DEFAULT_HOST, DEFAULT_PORT } from '../protocol/data-folder.ts';
import { createAppProtocol } from './app-protocol.ts';
import { boot } from './boot.ts';
import { readBuildInfo } from './build-info.ts';
import { createConnections } from './connections.ts';
import { consoleHostKeys, HostKeyFileSchema } from './console-host-keys.ts';
import { startCoordinatorProcess } from './coordinator-process.ts';
import { addressOf, deepLinkOfArguments, LINK_SCHEME } from './deep-links.ts';
import { createDownloads } from './downloads.ts';
import { superviseCoordinator } from './embedded-coordinator.ts';
import { openExternalLink } from './external-links.ts';
import { createApiForwarder, type ForwardedRequest } from './forward-api.ts';
import { guardContents, guardSession } from './guards.ts';
import { startInstallProcess } from './install-process.ts';
import { registerIpc, tellPage } from './ipc-handlers.ts';
import { findRunningCoordinator, signInAsOwner } from './local-coordinator.ts';
import { menuTemplate } from './menu.ts';
import { APP_SCHEME, APP_URL } from './own-url.ts';
import { safeStorageSealer } from './safe-storage-sealer.ts';
import { openJsonFile, type Settings, SettingsSchema } from './settings-file.ts';
import { createShellLog } from './shell-log.ts';
import { bringForward, openShellWindow } from './shell-window.ts';
import { createSshInstalls, type SshInstalls } from './ssh-installs.ts';
import { openTokenVault } from './token-vault.ts';
import { APP_SCHEME_PRIVILEGES, REFUSED_SWITCHES } from './window-options.ts';

/**
 * The desktop shell: wires the decisions of this folder to Electron, and is (with the preload script) the only file that
 * imports it. What happens in which order stands in `boot.ts`.
 */
const clock = systemClock();
// A packaged console has nobody at its standard error, and a closed one would end it.
const echo = (line: string) => (app.isPackaged ? undefined : console.error(line));
const log = createShellLog(join(app.getPath('userData'), 'logs', 'shell.log'), clock, echo);
const report = (error: unknown) => log(error instanceof Error ? (error.stack ?? error.message) : String(error));
const inApp = (...parts: string[]) => join(app.getAppPath(), 'dist', ...parts);
const dataFolder = resolve(process.env[DATA_FOLDER_VARIABLE] || join(homedir(), DATA_FOLDER_NAME));
const caller = { clock, fetch: (url: string, init: RequestInit) => net.fetch(url, init) };
const devTools = !app.isPackaged;

let window: BrowserWindow | undefined;
let stop: () => Promise<void> = async () => undefined;
let openWindow: (url: string) => BrowserWindow;
let sshInstalls: SshInstalls | undefined;
const contents = () => (window === undefined || window.isDestroyed() ? undefined : window.webContents);

async function serve(): Promise<void> {
  const folder = app.getPath('userData');
  const build = await readBuildInfo(app.getAppPath());
  const settings = await openJsonFile(join(folder, 'settings.json'), SettingsSchema, report);
  const change = (next: Partial<Settings>) => settings.save({ ...settings.value, ...next });
  const vault = await openTokenVault(
    join(folder, 'tokens.json'),
    safeStorageSealer(safeStorage, process.platform),
    report,
  );
  const showTheme = () => {
    nativeTheme.themeSource = settings.value.theme === 'auto' ? 'system' : settings.value.theme;
  };
  showTheme();

  const coordinator = superviseCoordinator({
    clock,
    findRunning: () => findRunningCoordinator(caller, dataFolder),
    async start() {
      const last = String(settings.value.embeddedPort ?? DEFAULT_PORT);
      const port = process.env.OUTRUNNER_PORT ? [] : ['--port', last, '--port-search'];
      const agents = app.isPackaged ? ['--agents-dir', join(process.resourcesPath, 'agents')] : [];
      const quiet = process.env.OUTRUNNER_LOG_LEVEL ? [] : ['--log-level', 'warn'];
      const args = ['--data-dir', dataFolder, '--host', DEFAULT_HOST, '--embedded', ...quiet, ...port, ...agents];
      const program = { module: inApp('coordinator', 'main.mjs'), args, env: process.env };
      return startCoordinatorProcess(utilityProcess.fork, program, log);
    },
    signIn: (url) => signInAsOwner(caller, dataFolder, url),
    changed(target) {
      const port = target === null ? undefined : Number(new URL(target.url).port);
      if (port && port !== settings.value.embeddedPort) change({ embeddedPort: port }).catch(report);
      tellPage(contents(), 'profiles.changed', connections.list());
    },
    report,
  });
  const connections = createConnections({
    caller,
    settings,
    vault,
    embedded: coordinator,
    async confirmHost(host) {
      const { response } = await dialog.showMessageBox({
        type: 'question',
        message: `Connect this console to the coordinator at ${host}?`,
        detail: 'What you do in the console will be sent there, and your sign-in to it.',
        buttons: ['Connect', 'Cancel'],
        defaultId: 1,
        cancelId: 1,
      });
      return response === 0;
    },
    changed: (profiles) => tellPage(contents(), 'profiles.changed', profiles),
    report,
  });

  const forward = createApiForwarder({
    fetch: caller.fetch,
    target: connections.target,
    renew: connections.renew,
    lost: () => coordinator.lost(),
    report,
  });
  const answer = createAppProtocol({ root: inApp('renderer'), forward });
  protocol.handle(APP_SCHEME, (request) => answer(request as ForwardedRequest));

  const downloads = createDownloads({
    caller,
    trustedKey: build.outrunnerReleaseKey,
    target: connections.target,
    async chooseFile(suggestedName) {
      const options = { title: 'Save the Runner package', defaultPath: join(app.getPath('downloads'), suggestedName) };
      const { canceled, filePath } = await (window && !window.isDestroyed()
        ? dialog.showSaveDialog(window, options)
        : dialog.showSaveDialog(options));
      return canceled || filePath === '' ? null : filePath;
    },
    progress(progress) {
      tellPage(contents(), 'download.progress', progress);
      const share = progress.totalBytes ? progress.receivedBytes / progress.totalBytes : 2;
      if (contents()) window?.setProgressBar(progress.phase === 'receiving' ? share : -1);
    },
    showInFolder: (path) => shell.showItemInFolder(path),
  });
  // What a console that was killed could not remove: packages hold a token.
  const packages = join(folder, 'ssh-installs');
  await rm(packages, { recursive: true, force: true });
  sshInstalls = createSshInstalls({
    caller,
    trustedKey: build.outrunnerReleaseKey,
    hostKeys: consoleHostKeys(await openJsonFile(join(folder, 'host-keys.json'), HostKeyFileSchema, report), () =>
      clock.now(),
    ),
    folder: packages,
    target: connections.target,
    startProcess: (hear) => {
      const program = { module: inApp('coordinator', 'ssh-install.mjs'), env: process.env };
      return startInstallProcess(utilityProcess.fork, program, hear, log);
    },
    // The page shows what machines print: what is installed from here, a person confirms outside of it.
    async confirm(runner, where, coordinatorHost) {
      const detail =
        where === null
          ? `It is installed for you alone. Afterwards the coordinator at ${coordinatorHost} runs jobs here, with your rights.`
          : `This computer connects to it by SSH. Afterwards the coordinator at ${coordinatorHost} runs jobs there.`;
      const { response } = await dialog.showMessageBox({
        type: 'question',
        message: `Install the Runner ${runner} on ${where ?? 'this computer'}?`,
        detail,
        buttons: ['Install', 'Cancel'],
        defaultId: 1,
        cancelId: 1,
      });
      return response === 0;
    },
    changed: (install) => tellPage(contents(), 'ssh-install.changed', install),
    report: log,
  });
  const installs = sshInstalls;
  registerIpc(
    ipcMain,
    {
      'profiles.list': async () => connections.list(),
      'profiles.use': ({ id }) => connections.use(id),
      'profiles.add': ({ url, label }) => connections.add(url, label),
      'profiles.remove': ({ id }) => connections.remove(id),
      'session.signIn': ({ name, password }) => connections.signIn(name, password),
      'session.signOut': () => connections.signOut(),
      'download.start': (request) => downloads.start(request),
      'download.cancel': async ({ download }) => downloads.cancel(download),
      'download.show': async ({ download }) => downloads.show(download),
      'ssh-install.start': ({ runner, install }) => installs.start(runner, install),
      'ssh-install.start-here': ({ runner, install }) => installs.startHere(runner, install),
      'ssh-install.list': async ({ runner }) => installs.list(runner),
      'ssh-install.get': async ({ id }) => installs.get(id),
      'ssh-install.answer-host-key': async ({ id, fingerprint, accept }) =>
        installs.answerHostKey(id, fingerprint, accept),
      'ssh-install.answer-questions': async ({ id, ...answers }) => installs.answerQuestions(id, answers),
      'ssh-install.cancel': async ({ id }) => installs.cancel(id),
      'ssh-install.forget-host-key': ({ id }) => installs.forgetHostKey(id),
      'theme.set': async ({ theme }) => {
        await change({ theme });
        showTheme();
      },
      'link.open': ({ url }) => openExternalLink(url, (href) => shell.openExternal(href)),
      'shell.version': async () => ({
        version: build.version,
        electron: process.versions.electron ?? '',
        platform: process.platform,
      }),
    },
    contents,
    log,
  );
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, devTools)));
  openWindow = (url) =>
    openShellWindow(
      {
        create: (options) => new BrowserWindow(options),
        workAreas() {
          const primary = screen.getPrimaryDisplay();
          const others = screen.getAllDisplays().filter(({ id }) => id !== primary.id);
          return [primary, ...others].map(({ workArea }) => workArea);
        },
        preload: inApp('electron', 'preload.cjs'),
        dark: nativeTheme.shouldUseDarkColors,
        devTools,
        settings,
        report: log,
      },
      url,
    );
  stop = async () => {
    await installs.stop();
    await coordinator.stop();
    await settings.settled();
  };
  coordinator.run();
}

/** Opens the window, or brings it forward; a link among the arguments decides where it is. */
async function show(argv: readonly string[]): Promise<void> {
  const link = deepLinkOfArguments(argv);
  if (window === undefined || window.isDestroyed()) {
    window = openWindow(link ? addressOf(link) : APP_URL);
    // Where the app goes on without a window: nobody could answer what an installation asks.
    window.once('closed', () => void sshInstalls?.stop().catch(report));
    return;
  }
  bringForward(window);
  if (link) await window.loadURL(addressOf(link));
}

void boot(
  app,
  {
    prepare() {
      app.enableSandbox();
      if (app.isPackaged) for (const name of REFUSED_SWITCHES) app.commandLine.removeSwitch(name);
      protocol.registerSchemesAsPrivileged([APP_SCHEME_PRIVILEGES]);
      // In development this would register the bare Electron for everybody's links.
      if (app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME);
    },
    guard() {
      guardSession(session.defaultSession);
      guardContents(app, log);
    },
    serve,
    show,
    openLink: (url) => void show([url]).catch(report),
    stop: () => stop(),
    report,
    fail(error) {
      report(error);
      dialog.showErrorBox('Outrunner cannot start', error instanceof Error ? error.message : String(error));
    },
  },
  { argv: process.argv, platform: process.platform },
);
