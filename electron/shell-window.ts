import type { BrowserWindow, BrowserWindowConstructorOptions, Rectangle } from 'electron';
import type { JsonFile, Settings } from './settings-file.ts';
import { MINIMUM_SIZE, windowOptions } from './window-options.ts';
import { clampWindowState } from './window-state.ts';

const MOST_RELOADS = 3;

export interface ShellWindowDeps {
  create(options: BrowserWindowConstructorOptions): BrowserWindow;
  /** Work areas of the displays, the primary one first. */
  workAreas(): Rectangle[];
  readonly preload: string;
  readonly dark: boolean;
  readonly devTools: boolean;
  readonly settings: JsonFile<Settings>;
  report(message: string): void;
}

/** Opens the console's window on `url`, as it was left, and remembers how it is left. */
export function openShellWindow(deps: ShellWindowDeps, url: string): BrowserWindow {
  const { settings, report } = deps;
  const state = clampWindowState(settings.value.window, deps.workAreas(), MINIMUM_SIZE);
  const window = deps.create(windowOptions(deps.preload, state, deps.dark ? 'dark' : 'light', deps.devTools));
  const failed = (what: string) => (error: unknown) =>
    report(`${what}: ${error instanceof Error ? error.message : error}`);
  window.once('ready-to-show', () => {
    if (state.maximized) window.maximize();
    window.show();
  });
  window.on('close', () => {
    const left = { bounds: window.getNormalBounds(), maximized: window.isMaximized() };
    settings.save({ ...settings.value, window: left }).catch(failed('The place of the window was not kept'));
  });
  let crashes = 0;
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    report(`The page ended: ${reason}`);
    if (reason !== 'crashed' && reason !== 'oom') return;
    crashes += 1;
    // Its state is in the coordinator and in its own drafts: it comes back as it was, unless it only ever crashes.
    if (crashes <= MOST_RELOADS) window.webContents.reload();
  });
  window.loadURL(url).catch(failed(`${url} was not loaded`));
  return window;
}

/** Brings the window to the person's eyes. */
export function bringForward(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
