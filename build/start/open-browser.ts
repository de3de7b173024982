import { spawn } from 'node:child_process';

/** The program that opens a link in the person's browser; undefined where there is no screen to open it on. */
export function openerFor(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
): { program: string; args: (url: string) => string[] } | undefined {
  switch (platform) {
    case 'darwin':
      return { program: 'open', args: (url) => [url] };
    case 'win32':
      return { program: 'rundll32', args: (url) => ['url.dll,FileProtocolHandler', url] };
    default:
      return env.DISPLAY || env.WAYLAND_DISPLAY ? { program: 'xdg-open', args: (url) => [url] } : undefined;
  }
}

/**
 * Opens `url` in the default browser and does not wait for it. The link stands in the arguments of a process for a moment:
 * it works once. `failed` is called when nothing opens.
 */
export function openBrowser(url: string, failed: (reason: string) => void, env = process.env): void {
  const opener = openerFor(process.platform, env);
  if (opener === undefined) {
    failed('there is no screen here');
    return;
  }
  const child = spawn(opener.program, opener.args(url), { stdio: 'ignore', detached: true });
  child.once('error', (error) => failed(error.message));
  child.unref();
}
