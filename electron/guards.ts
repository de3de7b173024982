import type { App, Session } from 'electron';
import { isOwnUrl } from './own-url.ts';
import { isPermitted } from './permissions.ts';

/** Denies the page all powers but those of the table, devices, and downloads: saving goes through the bridge. */
export function guardSession(
  session: Pick<
    Session,
    'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler' | 'on'
  >,
): void {
  session.setPermissionRequestHandler((_contents, permission, answer, details) =>
    answer(isPermitted(permission, details.requestingUrl, details.isMainFrame)),
  );
  session.setPermissionCheckHandler((_contents, permission, origin, details) =>
    isPermitted(permission, origin, details.isMainFrame),
  );
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
}

/** Whatever web contents come to be: they stay on our page, open no window, and hold no other. */
export function guardContents(app: Pick<App, 'on'>, report: (message: string) => void): void {
  app.on('web-contents-created', (_created, contents) => {
    const stay = (details: { url: string; preventDefault(): void }) => {
      if (isOwnUrl(details.url)) return;
      details.preventDefault();
      report(`refused to go to ${details.url.slice(0, 200)}`);
    };
    contents.on('will-navigate', stay);
    contents.on('will-frame-navigate', stay);
    contents.on('will-redirect', stay);
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      report(`refused to open a window for ${url.slice(0, 200)}`);
      return { action: 'deny' };
    });
  });
}
