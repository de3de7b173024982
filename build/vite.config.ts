import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { DIST, ROOT } from './paths.ts';

/** The console. The output runs under `script-src 'self'`: nothing inline, nothing from elsewhere. */
export default defineConfig({
  root: join(ROOT, 'renderer'),
  // Absolute, because the console is served from the root of its origin and has nested routes.
  base: '/',
  // Never written to disk beside the sources, where two checkouts of a branch would share it.
  cacheDir: join(ROOT, '.outrunner-build', 'vite'),
  plugins: [react()],
  build: {
    outDir: join(DIST, 'renderer'),
    emptyOutDir: true,
    // Chromium of Electron 45 and the browsers of this year.
    target: 'es2023',
    // Beside the files but not named in them: for whoever looks into a report, not for each visitor to fetch.
    sourcemap: 'hidden',
    // The policy allows `data:` for images only.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    reportCompressedSize: false,
  },
  server: {
    // `npm run dev`: the console with hot reload in front of a coordinator that runs already.
    // Not all of `/api`: the console's own sources lie in `renderer/api/` and are served from there while developing.
    proxy: { '^/api/(v1|docs)': { target: process.env.OUTRUNNER_URL ?? 'http://127.0.0.1:4440' } },
  },
});
