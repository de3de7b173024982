import '@mantine/core/styles.css';
import '../app/app.css';
import { MantineProvider } from '@mantine/core';
import { type QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { api } from '../api/api-client.ts';
import { createQueryClient } from '../api/query-client.ts';
import { theme, themeVariables } from '../app/theme.ts';
import { createBrowserHost } from '../host/browser-host.ts';
import type { Host } from '../host/host.ts';
import { HostProvider } from '../host/host-context.tsx';

interface Options {
  /** The pattern of the address that the part stands at, and the address itself. */
  readonly path?: string;
  readonly at?: string;
  /** What it runs in; a browser when it is not said. */
  readonly host?: Host;
  readonly client?: QueryClient;
}

/** A part of the console in the surroundings that it needs, for tests in a real browser. */
export function testPage(
  part: ReactElement,
  { path = '/', at = '/', host = createBrowserHost(api), client = createQueryClient() }: Options = {},
): ReactElement {
  const root = createRootRoute({ component: Outlet });
  const here = createRoute({ getParentRoute: () => root, path, component: () => part });
  const elsewhere = createRoute({ getParentRoute: () => root, path: '$', component: () => <p>elsewhere</p> });
  const router = createRouter({
    routeTree: root.addChildren([here, elsewhere]),
    history: createMemoryHistory({ initialEntries: [at] }),
  });
  return (
    <QueryClientProvider client={client}>
      <MantineProvider theme={theme} cssVariablesResolver={themeVariables} env="test">
        <HostProvider host={host}>
          {/* biome-ignore lint/suspicious/noExplicitAny: the types know only the routes of the whole console */}
          <RouterProvider router={router as any} />
        </HostProvider>
      </MantineProvider>
    </QueryClientProvider>
  );
}
