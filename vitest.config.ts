import { availableParallelism } from 'node:os';
import react from '@vitejs/plugin-react';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromiumLaunchOptions } from './build/find-chromium.ts';

const RENDERER_PACKAGES = [
  'react',
  'react-dom/client',
  'react/jsx-dev-runtime',
  'react/jsx-runtime',
  '@mantine/core',
  '@mantine/hooks',
  '@mantine/notifications',
  '@mantine/spotlight',
  '@tabler/icons-react',
  '@tanstack/react-query',
  '@tanstack/react-router',
  '@tanstack/react-table',
  '@tanstack/react-virtual',
  '@codemirror/commands',
  '@codemirror/language',
  '@codemirror/legacy-modes/mode/shell',
  '@codemirror/legacy-modes/mode/powershell',
  '@codemirror/search',
  '@codemirror/state',
  '@codemirror/view',
  'anser',
  'zod',
  'zustand',
  'zustand/middleware',
  'vitest-browser-react',
];

/** Bounds for a slow and busy machine, not expectations: what waits for an event ends as soon as it comes. */
const PATIENCE = { testTimeout: 30_000, hookTimeout: 60_000, expect: { poll: { timeout: 10_000 } } };

export default defineConfig({
  test: {
    allowOnly: false,
    // Vitest leaves one core free for itself, which on two cores is half; most of our tests wait for processes and sockets.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'node',
          include: ['**/*.test.ts'],
          exclude: ['node_modules', 'dist', 'e2e', 'bench'],
          environment: 'node',
          ...PATIENCE,
        },
      },
      {
        plugins: [react()],
        // Found in the middle of a run, a package makes Vite reload the page under the test; so all are named before.
        optimizeDeps: { include: RENDERER_PACKAGES },
        test: {
          name: 'browser',
          include: ['renderer/**/*.test.tsx'],
          ...PATIENCE,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: chromiumLaunchOptions() }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
