import { expect, it } from 'vitest';
import { APP_SCHEME_PRIVILEGES, windowOptions } from './window-options.ts';
import { FIRST_WINDOW } from './window-state.ts';

it('opens the window isolated, sandboxed, without Node and with web security', () => {
  const { webPreferences } = windowOptions('/app/preload.cjs', FIRST_WINDOW, 'dark', false);
  expect(webPreferences).toEqual({
    preload: '/app/preload.cjs',
    devTools: false,
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
  });
});

it('starts hidden, in the colour of the theme, never smaller than the console works', () => {
  expect(windowOptions('p', FIRST_WINDOW, 'dark', false)).toMatchObject({
    show: false,
    minWidth: 1024,
    minHeight: 700,
  });
  expect(windowOptions('p', FIRST_WINDOW, 'dark', false).backgroundColor).not.toBe(
    windowOptions('p', FIRST_WINDOW, 'light', false).backgroundColor,
  );
});

it('gives app:// what an origin needs, and neither a way round the policy nor workers that outlive the page', () => {
  expect(APP_SCHEME_PRIVILEGES).toEqual({
    scheme: 'app',
    privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
  });
});
