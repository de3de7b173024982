import '@mantine/core/styles.css';
import '../app/app.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { createQueryClient } from '../api/query-client.ts';
import { theme, themeVariables } from '../app/theme.ts';

interface Options {
  /** The pattern of the address that the part stands at, and the address itself. */
  readonly path?: string;
  readonly at?: string;
}

/** A part of the console in the surroundings that it needs, for tests in a real browser. */
export function testPage(part: ReactElement, { path = '/', at = '/' }: Options = {}): ReactElement {
  const root = createRootRoute({ component: Outlet });
  const here = createRoute({ getParentRoute: () => root, path, component: () => part });
  const elsewhere = createRoute({ getParentRoute: () => root, path: '$', component: () => <p>elsewhere</p> });
  const router = createRouter({
    routeTree: root.addChildren([here, elsewhere]),
    history: createMemoryHistory({ initialEntries: [at] }),
  });
  const client = createQueryClient();
  return (
    <QueryClientProvider client={client}>
      <MantineProvider theme={theme} cssVariablesResolver={themeVariables} env="test">
        {/* biome-ignore lint/suspicious/noExplicitAny: the types know only the routes of the whole console */}
        <RouterProvider router={router as any} />
      </MantineProvider>
    </QueryClientProvider>
  );
}
