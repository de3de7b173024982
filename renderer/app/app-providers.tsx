import { MantineProvider, mergeThemeOverrides, Portal } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { type QueryClient, QueryClientProvider } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Host } from '../host/host.ts';
import { HostProvider } from '../host/host-context.tsx';
import { styleNonce } from './style-nonce.ts';
import { theme, themeVariables } from './theme.ts';

/** Menus and dialogs are drawn into a landmark of their own, where a screen reader finds them. */
const pageTheme = mergeThemeOverrides(theme, {
  components: { Portal: Portal.extend({ defaultProps: { target: '#overlays' } }) },
});

interface Props {
  readonly queryClient: QueryClient;
  readonly host: Host;
  readonly children: ReactNode;
}

/** What everything on the page stands in: caches, host, theme, toasts. */
export function AppProviders({ queryClient, host, children }: Props) {
  return (
    <QueryClientProvider client={queryClient}>
      <HostProvider host={host}>
        <MantineProvider
          theme={pageTheme}
          cssVariablesResolver={themeVariables}
          defaultColorScheme="auto"
          getStyleNonce={styleNonce}
        >
          <Notifications position="bottom-right" limit={4} />
          {children}
        </MantineProvider>
      </HostProvider>
    </QueryClientProvider>
  );
}
