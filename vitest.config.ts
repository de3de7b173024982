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
  '@mantine/form',
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

export default defineConfig({
  test: {
    allowOnly: false,
    projects: [
      {
        test: {
          name: 'node',
          include: ['**/*.test.ts'],
          exclude: ['node_modules', 'dist', 'e2e', 'bench'],
          environment: 'node',
          testTimeout: 15_000,
          hookTimeout: 30_000,
        },
      },
      {
        plugins: [react()],
        // Found in the middle of a run, a package makes Vite reload the page under the test; so all are named before.
        optimizeDeps: { include: RENDERER_PACKAGES },
        test: {
          name: 'browser',
          include: ['renderer/**/*.test.tsx'],
          testTimeout: 15_000,
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
