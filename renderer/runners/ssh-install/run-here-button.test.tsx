import '@mantine/notifications/styles.css';
import { Notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import axe from 'axe-core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { render } from 'vitest-browser-react';
import type { SshInstall } from '../../../protocol/api/ssh-installs.ts';
import type { DesktopBridge } from '../../../protocol/ipc.ts';
import { OutrunnerError, toProblem } from '../../../protocol/problems.ts';
import { createQueryClient } from '../../api/query-client.ts';
import { sessionQueries } from '../../api/session-queries.ts';
import { keepSshInstall } from '../../api/ssh-install-queries.ts';
import { createDesktopHost } from '../../host/desktop-host.ts';
import type { Host } from '../../host/host.ts';
import { useHost } from '../../host/host-context.tsx';
import { shellQueries } from '../../host/shell-queries.ts';
import { serveInPage } from '../../ui/test-coordinator.ts';
import { testPage } from '../../ui/test-page.tsx';
import { testPerson } from '../../ui/test-person.ts';
import type { Connection } from '../install/connection-fields.tsx';
import { sampleRunner } from '../sample-runner.ts';
import { RunHereButton } from './run-here-button.tsx';
import { sampleInstall } from './sample-install.ts';

const TIME = '2026-11-23T20:00:00.000Z';
const NETWORK = { proxy: 'http://proxy.example:3128', ca: null };
const runner = sampleRunner({
  name: 'db-east',
  enrolment: { state: 'open', createdAt: TIME, expiresAt: TIME, usedAt: null, downloadedAt: null },
});
const here = (change: Partial<SshInstall> = {}) =>
  sampleInstall({ runner: runner.id, where: 'here', host: 'desk', port: 0, mode: 'user', ...change });

/** Whether the coordinator is on this computer. */
let embedded: boolean;
let server: ReturnType<typeof serveInPage>;
beforeEach(() => {
  embedded = true;
  const install = here();
  server = serveInPage({
    me: () => {
      const me = testPerson();
      return { ...me, coordinator: { ...me.coordinator, embedded } };
    },
    installHere: () => install,
    getSshInstall: () => install,
  });
});
afterEach(() => server.stop());
const asked = (name: string) => server.asked.filter(([called]) => called === name).map(([, call]) => call);

/** The desktop console's shell on this platform; `start` is what it says to an installation. */
function desktop(platform: string, start: () => SshInstall = here) {
  const invoked: [string, unknown][] = [];
  let tell: (install: SshInstall) => void = () => undefined;
  const bridge = {
    invoke: async (channel: string, input: unknown) => {
      invoked.push([channel, input]);
      if (channel === 'shell.version') return { version: '1', electron: '1', platform };
      return channel === 'ssh-install.start-here' || channel === 'ssh-install.get' ? start() : undefined;
    },
    on: (event: string, listener: (install: SshInstall) => void) => {
      if (event === 'ssh-install.changed') tell = listener;
      return () => undefined;
    },
  } as unknown as DesktopBridge;
  const channels = () => invoked.map(([channel]) => channel);
  return { host: createDesktopHost(bridge), invoked, channels, tell: (install: SshInstall) => tell(install) };
}

/** Says when the button knows where it is: before that it is nowhere. */
function WhatIsKnown() {
  const me = useQuery(sessionQueries.me());
  const shell = useQuery(shellQueries.version(useHost()));
  return <p>{me.isSuccess && shell.isSuccess ? 'everything is known' : 'not yet'}</p>;
}

const CONNECTION: Connection = { proxy: 'http://proxy.example:3128', ca: '' };
const show = (host?: Host, client = createQueryClient()) =>
  render(
    testPage(
      <>
        <RunHereButton runner={runner} connection={CONNECTION} />
        <WhatIsKnown />
        <Notifications />
      </>,
      host === undefined ? { client } : { host, client },
    ),
  );
const NAME = 'Run on this computer';

test('in the console of a coordinator elsewhere this computer installs, and its steps are shown', async () => {
  embedded = false;
  const own = here({ from: 'console' });
  const { host, invoked, channels, tell } = desktop('linux', () => own);
  const client = createQueryClient();
  host.sshInstalls?.onChange((install) => keepSshInstall(client, install));
  const screen = await show(host, client);
  await screen.getByRole('button', { name: NAME }).click();
  await expect.element(screen.getByText('On this computer (desk), as ann')).toBeVisible();
  await expect.element(screen.getByText(/, for this user alone/)).not.toHaveTextContent('from this computer');
  expect(invoked.find(([channel]) => channel === 'ssh-install.start-here')?.[1]).toEqual({
    runner: runner.id,
    install: NETWORK,
  });
  // Nothing is connected to, and no key compared.
  await expect.element(screen.getByRole('list', { name: 'Steps' })).toBeVisible();
  expect(screen.getByText('Host key').query()).toBeNull();
  const { violations } = await axe.run(document.querySelector('[role=dialog]') as HTMLElement);
  expect(violations.map(({ id }) => id)).toEqual([]);
  await screen.getByRole('button', { name: 'Cancel installation' }).click();
  await vi.waitFor(() => expect(channels()).toContain('ssh-install.cancel'));
  tell({ ...own, state: 'succeeded', endedAt: TIME });
  await expect.element(screen.getByText('Installed', { exact: true })).toBeVisible();
  expect(asked('installHere')).toEqual([]);
});

test.each([
  ['a browser', undefined],
  ['the desktop console', desktop('linux')],
] as const)('where the coordinator is on this computer, too, it installs, asked from %s', async (_where, shell) => {
  const screen = await show(shell?.host);
  await screen.getByRole('button', { name: NAME }).click();
  await expect.element(screen.getByText('On this computer (desk), as ann')).toBeVisible();
  expect(asked('installHere')).toMatchObject([{ params: { id: runner.id }, body: NETWORK }]);
  expect(shell?.channels() ?? []).not.toContain('ssh-install.start-here');
});

test.each([
  ['in a browser with a coordinator elsewhere', undefined, false],
  ['on Windows with a coordinator elsewhere', desktop('win32'), false],
  ['on Windows with the coordinator here', desktop('win32'), true],
] as const)('it is not offered %s', async (_where, shell, coordinatorIsHere) => {
  embedded = coordinatorIsHere;
  const screen = await show(shell?.host);
  await expect.element(screen.getByText('everything is known')).toBeVisible();
  expect(screen.getByRole('button', { name: NAME }).query()).toBeNull();
});

test('a person who did not confirm it is told nothing; whoever it fails for is', async () => {
  embedded = false;
  let code: 'ssh-install-cancelled' | 'enrolment-needed' = 'ssh-install-cancelled';
  const { host, channels } = desktop('linux', () => {
    // Problems cross the bridge as plain objects.
    throw toProblem(new OutrunnerError(code));
  });
  const screen = await show(host);
  const button = screen.getByRole('button', { name: NAME });
  await button.click();
  await vi.waitFor(() => expect(channels()).toContain('ssh-install.start-here'));
  await expect.element(button).not.toHaveAttribute('data-loading');
  code = 'enrolment-needed';
  await button.click();
  await expect.element(screen.getByText('It could not be installed on this computer')).toBeVisible();
  // One alone: the first try left none.
  expect(screen.getByRole('alert').elements()).toHaveLength(1);
  expect(screen.getByRole('dialog').query()).toBeNull();
});
