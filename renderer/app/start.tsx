import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '@mantine/spotlight/styles.css';
import './app.css';
import { RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';
import { api } from '../api/api-client.ts';
import { createQueryClient } from '../api/query-client.ts';
import { keepSshInstall } from '../api/ssh-install-queries.ts';
import { createBrowserHost } from '../host/browser-host.ts';
import { createDesktopHost } from '../host/desktop-host.ts';
import { AppProviders } from './app-providers.tsx';
import { createAppRouter } from './router.tsx';
import { takeTicket } from './sign-in-ticket.ts';

/** Puts the console together and shows it: the one place that knows all of its parts. */
export async function start(): Promise<void> {
  const host = window.outrunner ? createDesktopHost(window.outrunner) : createBrowserHost(api);
  const queryClient = createQueryClient();
  const refusal = await redeemTicket();
  // A sign-in link that is opened in a tab where the console runs already changes only the fragment.
  window.addEventListener('hashchange', () => {
    if (location.hash.startsWith('#ticket=')) location.reload();
  });
  host.sshInstalls?.onChange((install) => keepSshInstall(queryClient, install));
  host.onSessionChange(() => void queryClient.resetQueries());

  const root = document.getElementById('root');
  if (root === null) throw new Error('The page has no #root.');
  const router = createAppRouter({ queryClient, host, refusal });
  createRoot(root).render(
    <AppProviders queryClient={queryClient} host={host}>
      <RouterProvider router={router} />
    </AppProviders>,
  );

  /** Signs in with the ticket of the address, if it has one; answers why that was refused. */
  async function redeemTicket(): Promise<unknown> {
    const ticket = takeTicket(location, history);
    if (ticket === null) return null;
    try {
      await host.signIn({ ticket });
      return null;
    } catch (error) {
      return error;
    }
  }
}
