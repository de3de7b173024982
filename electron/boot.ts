/** What the boot needs of Electron's `app`. */
export interface BootApp {
  requestSingleInstanceLock(): boolean;
  whenReady(): Promise<void>;
  quit(): void;
  on(event: 'second-instance', listener: (event: unknown, argv: string[]) => void): unknown;
  on(event: 'open-url', listener: (event: { preventDefault(): void }, url: string) => void): unknown;
  on(event: 'activate' | 'window-all-closed', listener: () => void): unknown;
  on(event: 'will-quit', listener: (event: { preventDefault(): void }) => void): unknown;
}

/** The acts of the shell, in the order in which the boot calls them. */
export interface BootSteps {
  /** Before Electron is ready: sandbox, the privileges of `app://`. */
  prepare(): void;
  /** Permissions, navigation, downloads: before anything can be loaded. */
  guard(): void;
  /** Opens settings and vault, starts the coordinator, answers `app://` and the page's messages. */
  serve(): Promise<void>;
  /** Opens the window, or brings it forward. `arguments_`: those of the start, which may hold a link. */
  show(argv: readonly string[]): Promise<void>;
  openLink(url: string): void;
  /** Ends what was started. */
  stop(): Promise<void>;
  report(error: unknown): void;
  /** Tells the person why the console does not start. */
  fail(error: unknown): void;
}

/**
 * Brings the shell up, always in this order: the lock of the single instance before everything else, so that a second start
 * touches nothing; privileges and sandbox before Electron is ready; guards before the first page. A failure is told and
 * ends the app. Resolves when the window is there, or this instance has given way.
 */
export async function boot(
  app: BootApp,
  steps: BootSteps,
  { argv, platform }: { argv: readonly string[]; platform: NodeJS.Platform },
): Promise<'shown' | 'given-way' | 'failed'> {
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return 'given-way';
  }
  let up = false;
  let linkBefore: string | null = null;
  const show = (args: readonly string[]) => void steps.show(args).catch(steps.report);
  app.on('second-instance', (_event, args) => {
    if (up) show(args);
  });
  // macOS sends links as events, the first one before the window is there.
  app.on('open-url', (event, url) => {
    event.preventDefault();
    if (up) steps.openLink(url);
    else linkBefore = url;
  });
  app.on('activate', () => {
    if (up) show([]);
  });
  app.on('window-all-closed', () => {
    if (platform !== 'darwin') app.quit();
  });
  let stopped = false;
  app.on('will-quit', (event) => {
    if (stopped) return;
    event.preventDefault();
    void steps
      .stop()
      .catch(steps.report)
      .finally(() => {
        stopped = true;
        app.quit();
      });
  });
  try {
    steps.prepare();
    await app.whenReady();
    steps.guard();
    await steps.serve();
    await steps.show(linkBefore === null ? argv : [linkBefore]);
    up = true;
    return 'shown';
  } catch (error) {
    steps.fail(error);
    app.quit();
    return 'failed';
  }
}
