import '@mantine/notifications/styles.css';
import { Notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import axe from 'axe-core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { render } from 'vitest-browser-react';
import type { SshInstall, SshStep, SshStepName } from '../../../protocol/api/ssh-installs.ts';
import type { DesktopBridge } from '../../../protocol/ipc.ts';
import { OutrunnerError, toProblem } from '../../../protocol/problems.ts';
import { createQueryClient } from '../../api/query-client.ts';
import { sessionQueries } from '../../api/session-queries.ts';
import { keepSshInstall } from '../../api/ssh-install-queries.ts';
import { createDesktopHost } from '../../host/desktop-host.ts';
import type { Host } from '../../host/host.ts';
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
  return <p>{me.isSuccess ? 'everything is known' : 'not yet'}</p>;
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

test('it is not offered in a browser with a coordinator elsewhere', async () => {
  embedded = false;
  const screen = await show();
  await expect.element(screen.getByText('everything is known')).toBeVisible();
  expect(screen.getByRole('button', { name: NAME }).query()).toBeNull();
});

const FOLDER = 'C:\\Users\\Jörg\\AppData\\Local\\Temp\\outrunner-install-1f0c2b1e-9a51-4f0b-8f3e-0a4b5c6d7e8f';
/** As Windows tells it while its script runs. */
const onWindows = (change: Partial<SshInstall> = {}) => {
  const told: Partial<Record<SshStepName, Partial<SshStep>>> = {
    detect: { state: 'done', detail: 'Windows x64, 10.0.26100.' },
    upload: { state: 'done', detail: `To ${FOLDER}` },
    verify: { state: 'done', detail: 'SHA-256 0123456789abcdef…, unpacked.' },
    install: { state: 'running', detail: 'The service "outrunner-agent" is known to Task Scheduler.' },
  };
  const install = here({ host: 'DESK', user: 'Jörg', from: 'console', platform: 'win-x64', ...change });
  return { ...install, steps: install.steps.map((step) => ({ ...step, ...told[step.step] })) };
};

test.each([
  ['elsewhere', false],
  ['on it', true],
] as const)('on Windows it is offered, too, with the coordinator %s', async (_where, coordinatorIsHere) => {
  embedded = coordinatorIsHere;
  const { host, channels } = desktop('win32', () => onWindows());
  const screen = await show(host);
  await screen.getByRole('button', { name: NAME }).click();
  await expect.element(screen.getByRole('list', { name: 'Steps' })).toBeVisible();
  expect([channels().includes('ssh-install.start-here'), asked('installHere').length]).toEqual([
    !coordinatorIsHere,
    coordinatorIsHere ? 1 : 0,
  ]);
});

test('on Windows the steps are those of Windows, also when it is cancelled while the script runs', async () => {
  embedded = false;
  const own = onWindows({
    output: ['outrunner: SHA-256 is right.', 'The service "outrunner-agent" is known to Task Scheduler.'],
  });
  const { host, tell } = desktop('win32', () => own);
  const client = createQueryClient();
  host.sshInstalls?.onChange((install) => keepSshInstall(client, install));
  const screen = await show(host, client);
  await screen.getByRole('button', { name: NAME }).click();
  await expect.element(screen.getByText('On this computer (DESK), as Jörg')).toBeVisible();
  const list = screen.getByRole('list', { name: 'Steps' });
  const names = () =>
    list
      .getByRole('listitem')
      .elements()
      .map((one) => one.textContent?.split(':')[0]);
  expect(names()).toEqual(['This computer', 'Copy', 'Verify', 'Install', 'Start', 'Clean up']);
  await expect.element(list.getByText(`To ${FOLDER}`)).toBeVisible();
  const cancelled = toProblem(new OutrunnerError('ssh-install-cancelled', { detail: 'It was cancelled.' }));
  const steps = own.steps.map((step): SshStep => {
    if (step.step === 'install') return { ...step, state: 'failed', detail: 'It was cancelled.' };
    return step.step === 'clean' ? { ...step, state: 'running', detail: 'install.ps1 comes to its end…' } : step;
  });
  tell({ ...own, steps });
  await expect.element(list.getByText('install.ps1 comes to its end…')).toBeVisible();
  // There is nothing more to cancel.
  expect(screen.getByRole('button', { name: 'Cancel installation' }).query()).toBeNull();
  tell({ ...own, steps, state: 'failed', endedAt: TIME, problem: cancelled });
  await expect.element(screen.getByRole('button', { name: 'Try again' })).toBeVisible();
  expect(document.body.textContent).not.toContain('install.sh');
  const { violations } = await axe.run(document.querySelector('[role=dialog]') as HTMLElement);
  expect(violations.map(({ id }) => id)).toEqual([]);
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
