import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { BrowserContext, CDPSession, Page, Request as PlaywrightRequest } from 'playwright';
import { z } from 'zod';
import { IPC_BINDING, IPC_DELIVER, PAGE_SCRIPT, PRELOAD_WORLD, preloadScript } from './page-worlds.ts';
import type { StandInOrigin } from './stand-in-origin.ts';

const CallSchema = z.object({
  id: z.number(),
  channel: z.string(),
  args: z.array(z.object({ value: z.unknown().optional() })),
});
type OpenHandler = (details: { url: string }) => { action: 'deny' | 'allow' };
type Invoke = (event: object, channel: string, args: unknown[]) => Promise<unknown>;

export interface WindowWorld {
  readonly context: Promise<BrowserContext>;
  readonly origin: StandInOrigin;
  readonly invoke: Invoke;
}

/** An event that can be prevented, with Electron's details on it. */
export function preventable<T extends object>(details: T): T & { preventDefault(): void; defaultPrevented: boolean } {
  return {
    ...details,
    defaultPrevented: false,
    preventDefault() {
      this.defaultPrevented = true;
    },
  };
}

/** `WebContents` over a page of Chromium: preload script in a world of its own, IPC, guards of navigation. */
export class StandInWebContents extends EventEmitter {
  /** Resolves when the page exists and the preload script will run in each of its documents. */
  readonly page: Promise<Page>;
  readonly #world: WindowWorld;
  #open: OpenHandler = () => ({ action: 'allow' });
  #session: CDPSession | undefined;
  #preloadContext: number | undefined;
  #url = '';
  #destroyed = false;
  #ready: Page | undefined;

  constructor(world: WindowWorld, preload: string | undefined) {
    super();
    this.#world = world;
    this.page = this.#openPage(preload);
    // Whoever awaits it learns of a failure; nobody has to.
    this.page.catch(() => undefined);
  }

  setWindowOpenHandler(handler: OpenHandler): void {
    this.#open = handler;
  }

  getURL(): string {
    return this.#ready ? this.#world.origin.fromBrowser(this.#ready.url()) : this.#url;
  }

  isDestroyed(): boolean {
    return this.#destroyed;
  }

  reload(): void {
    void this.page.then((page) => page.reload());
  }

  send(channel: string, ...args: unknown[]): void {
    void this.#deliver({ event: channel, args });
  }

  async loadURL(url: string): Promise<void> {
    this.#url = url;
    const page = await this.page;
    await page.goto(await this.#world.origin.toBrowser(url));
  }

  isPage(page: unknown): boolean {
    return this.#ready !== undefined && page === this.#ready;
  }

  /** Whether a navigation that the page asked for may happen. */
  mayNavigate(request: PlaywrightRequest): boolean {
    const url = this.#world.origin.fromBrowser(request.url());
    const isMainFrame = request.frame() === this.#ready?.mainFrame();
    const event = preventable({ url, isMainFrame, isSameDocument: false });
    if (isMainFrame) this.emit('will-navigate', event, url);
    if (!event.defaultPrevented) this.emit('will-frame-navigate', event);
    return !event.defaultPrevented;
  }

  /** What `window.open` does; true when the window may stay. */
  mayOpen(url: string): boolean {
    return this.#open({ url }).action === 'allow';
  }

  async destroy(): Promise<void> {
    if (this.#destroyed) return;
    this.#destroyed = true;
    await (await this.page).close();
  }

  async #openPage(preload: string | undefined): Promise<Page> {
    const page = await (await this.#world.context).newPage();
    this.#ready = page;
    const session = await page.context().newCDPSession(page);
    this.#session = session;
    session.on('Runtime.executionContextCreated', ({ context }) => {
      const isMainFrame = (context.auxData as { frameId?: string } | undefined)?.frameId === mainFrameId;
      if (context.name === PRELOAD_WORLD && isMainFrame) this.#preloadContext = context.id;
    });
    session.on('Runtime.bindingCalled', ({ name, payload }) => {
      if (name === IPC_BINDING) void this.#onCall(CallSchema.parse(JSON.parse(payload)));
    });
    await session.send('Page.enable');
    const { frameTree } = await session.send('Page.getFrameTree');
    const mainFrameId = frameTree.frame.id;
    await session.send('Runtime.enable');
    await session.send('Runtime.addBinding', { name: IPC_BINDING, executionContextName: PRELOAD_WORLD });
    await session.send('Page.addScriptToEvaluateOnNewDocument', { source: PAGE_SCRIPT });
    if (preload !== undefined) {
      const source = preloadScript(readFileSync(preload, 'utf8'));
      await session.send('Page.addScriptToEvaluateOnNewDocument', { source, worldName: PRELOAD_WORLD });
    }
    page.on('crash', () => this.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 1 }));
    return page;
  }

  async #onCall({ id, channel, args }: z.infer<typeof CallSchema>): Promise<void> {
    const url = this.getURL();
    const senderFrame = { parent: null, url, origin: originOf(url) };
    try {
      const value = await this.#world.invoke(
        { sender: this, senderFrame },
        channel,
        args.map(({ value }) => value),
      );
      await this.#deliver({ id, value });
    } catch (error) {
      const message = `Error invoking remote method '${channel}': ${error instanceof Error ? error : String(error)}`;
      await this.#deliver({ id, error: message });
    }
  }

  async #deliver(message: object): Promise<void> {
    if (this.#destroyed || this.#session === undefined || this.#preloadContext === undefined) return;
    const expression = `window.${IPC_DELIVER}(${JSON.stringify(JSON.stringify(message))})`;
    try {
      await this.#session.send('Runtime.evaluate', { expression, contextId: this.#preloadContext });
    } catch (error) {
      // The document was left, or the page closed, while the answer was made: Electron drops it as well.
      if (!(error instanceof Error && /context|closed|detached/i.test(error.message))) throw error;
    }
  }
}

/** `https://a/b` → `https://a`, `app://outrunner/x` → `app://outrunner`, else `null`, as Electron names origins. */
function originOf(url: string): string {
  return /^([a-z][a-z0-9+.-]*:\/\/[^/?#]+)/i.exec(url)?.[1] ?? 'null';
}

interface WindowOptions {
  readonly x?: number;
  readonly y?: number;
  readonly width?: number;
  readonly height?: number;
  readonly show?: boolean;
  readonly webPreferences?: { readonly preload?: string };
}

/** `BrowserWindow`: bounds and states are kept, the contents are a real page. */
export class StandInWindow extends EventEmitter {
  readonly webContents: StandInWebContents;
  readonly options: WindowOptions;
  readonly calls: string[] = [];
  progress = -1;
  #bounds: { x: number; y: number; width: number; height: number };
  #state = { maximized: false, minimized: false, visible: true, destroyed: false };

  constructor(world: WindowWorld, options: WindowOptions) {
    super();
    this.options = options;
    this.#bounds = {
      x: options.x ?? 100,
      y: options.y ?? 100,
      width: options.width ?? 800,
      height: options.height ?? 600,
    };
    this.#state.visible = options.show ?? true;
    this.webContents = new StandInWebContents(world, options.webPreferences?.preload);
  }

  async loadURL(url: string): Promise<void> {
    await this.webContents.loadURL(url);
    this.emit('ready-to-show');
  }

  isDestroyed = () => this.#state.destroyed;
  isMinimized = () => this.#state.minimized;
  isMaximized = () => this.#state.maximized;
  isVisible = () => this.#state.visible;
  getNormalBounds = () => ({ ...this.#bounds });
  setBounds = (bounds: Partial<{ x: number; y: number; width: number; height: number }>) => {
    this.#bounds = { ...this.#bounds, ...bounds };
  };
  setProgressBar = (progress: number) => {
    this.progress = progress;
  };
  maximize = () => this.#do('maximize', { maximized: true });
  minimize = () => this.#do('minimize', { minimized: true });
  restore = () => this.#do('restore', { minimized: false });
  show = () => this.#do('show', { visible: true });
  focus = () => this.#do('focus', {});

  /** Asks like a person's click on the cross: listeners may prevent it. */
  async close(): Promise<boolean> {
    if (this.#state.destroyed) return true;
    const event = preventable({});
    this.emit('close', event);
    if (event.defaultPrevented) return false;
    this.#state.destroyed = true;
    await this.webContents.destroy();
    this.emit('closed');
    return true;
  }

  #do(call: string, change: { maximized?: boolean; minimized?: boolean; visible?: boolean }): void {
    this.calls.push(call);
    Object.assign(this.#state, change);
  }
}
