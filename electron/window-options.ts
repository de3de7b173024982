import type { BrowserWindowConstructorOptions, CustomScheme } from 'electron';
import { APP_SCHEME } from './own-url.ts';
import type { WindowState } from './window-state.ts';

export const MINIMUM_SIZE = { width: 1024, height: 700 } as const;
const BACKGROUND = { light: '#ffffff', dark: '#1a1b1e' } as const;

/** What the one window of the console is made from. Every safe default of Electron is written out, so that a test sees it. */
export function windowOptions(
  preload: string,
  state: WindowState,
  theme: 'light' | 'dark',
  devTools: boolean,
): BrowserWindowConstructorOptions {
  return {
    title: 'Outrunner',
    ...state.bounds,
    minWidth: MINIMUM_SIZE.width,
    minHeight: MINIMUM_SIZE.height,
    // Shown when the page has painted: no white flash.
    show: false,
    backgroundColor: BACKGROUND[theme],
    webPreferences: {
      preload,
      devTools,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    },
  };
}

/**
 * The privileges of `app://`: an origin like https (storage, fetch, streams), and none of those that open holes. They are
 * given before the app is ready, once.
 */
export const APP_SCHEME_PRIVILEGES: CustomScheme = {
  scheme: APP_SCHEME,
  privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
};

/**
 * Switches of Chromium that would open the window to others or weaken it. A packaged console takes none of them, whoever
 * started it.
 */
export const REFUSED_SWITCHES = [
  'remote-debugging-port',
  'remote-debugging-pipe',
  'remote-allow-origins',
  'disable-web-security',
  'allow-running-insecure-content',
  'ignore-certificate-errors',
  'ignore-certificate-errors-spki-list',
  'host-rules',
  'host-resolver-rules',
  'load-extension',
  'js-flags',
] as const;
