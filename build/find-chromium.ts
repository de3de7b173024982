import { existsSync } from 'node:fs';
import { chromium } from 'playwright';

/** Where distributions and people put Chromium. Playwright's own download is asked last, because it is often not there. */
const KNOWN_PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];

/** The Chromium that tests run in: `CHROMIUM_PATH`, that of the system, or the one that Playwright downloaded. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.CHROMIUM_PATH) return env.CHROMIUM_PATH;
  return [...KNOWN_PLACES, chromium.executablePath()].find((path) => existsSync(path));
}

/** Launch options for Playwright. Chromium refuses to sandbox itself when root starts it, as in containers. */
export function chromiumLaunchOptions(): { executablePath?: string; args: string[] } {
  const executablePath = findChromium();
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return executablePath === undefined ? { args } : { executablePath, args };
}
