import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The page of these tests: small, but with a file, a style and the nonce, as the real one. */
const PAGE = `<!doctype html>
<html><head><title>small page</title><link rel="stylesheet" href="/assets/page.css"></head>
<body><h1>small page</h1><script type="module" src="/assets/page.js"></script></body></html>`;
const SCRIPT = `
const style = document.createElement('style');
style.nonce = document.querySelector('meta[name="csp-nonce"]').content;
style.textContent = 'h1 { color: rgb(1, 2, 3); }';
document.head.append(style);
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));
document.body.dataset.ready = 'true';
`;

export interface AppFolder {
  /** What `app.getAppPath()` gives: `package.json` and `dist/`. */
  readonly appPath: string;
  readonly userData: string;
  readonly dataFolder: string;
  remove(): Promise<void>;
}

/** An application folder in a place of its own: a small page, a small coordinator, and the real preload bundle. */
export async function makeAppFolder(buildPreload: (output: string) => Promise<void>): Promise<AppFolder> {
  const root = await mkdtemp(join(tmpdir(), 'outrunner-shell-'));
  const dist = (...parts: string[]) => join(root, 'app', 'dist', ...parts);
  for (const folder of ['renderer/assets', 'electron', 'coordinator']) await mkdir(dist(folder), { recursive: true });
  await writeFile(join(root, 'app', 'package.json'), JSON.stringify({ name: 'outrunner', version: '9.9.9' }));
  await writeFile(dist('renderer', 'index.html'), PAGE);
  await writeFile(dist('renderer', 'assets', 'page.js'), SCRIPT);
  await writeFile(dist('renderer', 'assets', 'page.css'), 'body { margin: 0; }');
  const program = pathToFileURL(join(import.meta.dirname, 'small-coordinator-main.ts'));
  await writeFile(dist('coordinator', 'main.mjs'), `import ${JSON.stringify(program.href)};\n`);
  await buildPreload(dist('electron', 'preload.cjs'));
  return {
    appPath: join(root, 'app'),
    userData: join(root, 'user'),
    dataFolder: join(root, 'data'),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}
