import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page, Request as PlaywrightRequest } from 'playwright';
import { StandInOrigin } from './stand-in-origin.ts';
import {
  type StandInAnswers,
  StandInIpcMain,
  StandInSession,
  standInDialog,
  standInSafeStorage,
  standInScreen,
  standInShell,
} from './stand-in-services.ts';
import { StandInUtilityProcess } from './stand-in-utility-process.ts';
import { preventable, type StandInWebContents, StandInWindow } from './stand-in-window.ts';

export interface StandInOptions {
  readonly browser: Browser;
  /** Folder of the user's data; the lock of the single instance belongs to it, as in Electron. */
  readonly userData: string;
  /** Folder with `package.json` and `dist/`. */
  readonly appPath: string;
  readonly isPackaged?: boolean;
}

/** Who holds the lock of each user data folder. */
const LOCKS = new Map<string, StandIn>();

/**
 * A stand-in for the part of Electron that the shell uses, driving a real Chromium: `main.ts` and `preload.ts` run in it as
 * they are. `electron` is the module that they import. What differs from Electron stands in `README.md`.
 */
export class StandIn {
  readonly app = new EventEmitter();
  readonly session = new StandInSession();
  readonly ipcMain = new StandInIpcMain();
  readonly windows: StandInWindow[] = [];
  readonly processes: StandInUtilityProcess[] = [];
  readonly answers: StandInAnswers = { saveAs: () => null, button: 0, keyRing: 'gnome_libsecret', seen: [] };
  readonly log: string[] = [];
  readonly origin = new StandInOrigin('app://outrunner');
  readonly nativeTheme = { themeSource: 'system', shouldUseDarkColors: false };
  privileges: unknown;
  menu: unknown;
  /** What `import … from 'electron'` gives. */
  readonly electron: Record<string, unknown>;
  readonly #options: StandInOptions;
  readonly #context: Promise<BrowserContext>;
  readonly #exited = Promise.withResolvers<void>();
  #over = false;

  constructor(options: StandInOptions) {
    this.#options = options;
    this.#context = this.#openContext();
    this.#context.catch(() => undefined);
    this.electron = this.#module();
  }

  /** Resolves when the app has ended by itself. */
  get exited(): Promise<void> {
    return this.#exited.promise;
  }

  /** The window once it is there and has loaded. */
  async window(): Promise<StandInWindow> {
    const window = this.windows[0] ?? (await new Promise<StandInWindow>((resolve) => this.app.once('window', resolve)));
    if (!window.isVisible()) await new Promise((resolve) => window.once('ready-to-show', resolve));
    return window;
  }

  async page() {
    return (await this.window()).webContents.page;
  }

  /** As a person quits: windows are asked, then `will-quit`; anybody may prevent it. */
  quit = async (): Promise<void> => {
    if (this.#over) return;
    for (const window of this.windows) if (!(await window.close())) return;
    const event = preventable({});
    this.app.emit('will-quit', event);
    if (event.defaultPrevented || this.#over) return;
    this.#over = true;
    if (LOCKS.get(this.#options.userData) === this) LOCKS.delete(this.#options.userData);
    await (await this.#context).close();
    await this.origin.close();
    this.app.emit('quit');
    this.#exited.resolve();
  };

  #takeLock(): boolean {
    const holder = LOCKS.get(this.#options.userData);
    if (holder === undefined) {
      LOCKS.set(this.#options.userData, this);
      return true;
    }
    holder.app.emit('second-instance', {}, process.argv, process.cwd());
    return false;
  }

  #module(): Record<string, unknown> {
    const { userData, appPath, isPackaged = false } = this.#options;
    const world = { context: this.#context, origin: this.origin, invoke: this.ipcMain.invoke };
    const standIn = this;
    class BrowserWindow extends StandInWindow {
      constructor(options: ConstructorParameters<typeof StandInWindow>[1]) {
        super(world, options);
        standIn.windows.push(this);
        this.once('closed', () => {
          if (standIn.windows.every((window) => window.isDestroyed())) standIn.app.emit('window-all-closed');
        });
        standIn.app.emit('web-contents-created', {}, this.webContents);
        standIn.app.emit('window', this);
      }
    }
    Object.assign(this.app, {
      isPackaged,
      requestSingleInstanceLock: () => this.#takeLock(),
      whenReady: () => Promise.resolve(),
      quit: () => void this.quit(),
      enableSandbox: () => this.log.push('enableSandbox'),
      getPath: (name: string) => (name === 'userData' ? userData : join(userData, name)),
      getAppPath: () => appPath,
      setAsDefaultProtocolClient: (scheme: string) => this.log.push(`protocol client ${scheme}`),
      commandLine: { removeSwitch: (name: string) => this.log.push(`removed switch ${name}`) },
    });
    return {
      app: this.app,
      BrowserWindow,
      dialog: standInDialog(this.answers),
      ipcMain: this.ipcMain,
      Menu: {
        buildFromTemplate: (template: unknown) => template,
        setApplicationMenu: (menu: unknown) => {
          this.menu = menu;
        },
      },
      nativeTheme: this.nativeTheme,
      net: { fetch: (url: string, init: RequestInit) => fetch(url, init) },
      protocol: {
        registerSchemesAsPrivileged: (schemes: unknown) => {
          this.privileges = schemes;
        },
        handle: (_scheme: string, handler: (request: Request) => Response | Promise<Response>) =>
          this.origin.handle(handler),
      },
      safeStorage: standInSafeStorage(this.answers, userData),
      screen: standInScreen(),
      session: { defaultSession: this.session },
      shell: standInShell(this.answers),
      utilityProcess: {
        fork: (...args: ConstructorParameters<typeof StandInUtilityProcess>) => {
          const child = new StandInUtilityProcess(...args);
          this.processes.push(child);
          return child;
        },
      },
    };
  }

  async #openContext(): Promise<BrowserContext> {
    const context = await this.#options.browser.newContext({ viewport: { width: 1280, height: 840 } });
    await context.route('**/*', async (route) => {
      const request = route.request();
      const base = await this.origin.base();
      if (!request.isNavigationRequest() || request.url().startsWith(`${base}/`)) return route.fallback();
      const contents = this.#contentsOf(pageOf(request));
      // A window that does not exist yet: whoever opened it was asked, and it is closed below.
      const allowed = contents
        ? contents.mayNavigate(request)
        : this.windows.every((window) => window.webContents.mayOpen(request.url()));
      return allowed
        ? route.fulfill({ contentType: 'text/html', body: '<title>foreign</title>' })
        : route.abort('aborted');
    });
    context.on('page', (page) => {
      void page.opener().then(async (opener) => {
        const contents = this.#contentsOf(opener);
        if (contents && !contents.mayOpen(page.url())) await page.close();
      });
    });
    return context;
  }

  #contentsOf(page: unknown): StandInWebContents | undefined {
    return this.windows.find((window) => window.webContents.isPage(page))?.webContents;
  }
}

/** The page that a navigation belongs to; null for one that is only being opened. */
function pageOf(request: PlaywrightRequest): Page | null {
  try {
    return request.frame().page();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Frame for this navigation request')) return null;
    throw error;
  }
}
