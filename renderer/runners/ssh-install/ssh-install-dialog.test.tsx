import axe from 'axe-core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { userEvent } from 'vitest/browser';
import { render } from 'vitest-browser-react';
import type { SshInstall } from '../../../protocol/api/ssh-installs.ts';
import type { DesktopBridge } from '../../../protocol/ipc.ts';
import { OutrunnerError, toProblem } from '../../../protocol/problems.ts';
import { createQueryClient } from '../../api/query-client.ts';
import { keepSshInstall } from '../../api/ssh-install-queries.ts';
import { createDesktopHost } from '../../host/desktop-host.ts';
import { serveInPage } from '../../ui/test-coordinator.ts';
import { testPage } from '../../ui/test-page.tsx';
import { testPerson } from '../../ui/test-person.ts';
import { sampleRunner } from '../sample-runner.ts';
import { sampleInstall } from './sample-install.ts';
import { partsOfHost } from './ssh-draft.ts';
import { SshInstallDialog } from './ssh-install-dialog.tsx';

const TIME = '2026-11-23T20:00:00.000Z';
const KEY = { type: 'ssh-ed25519', fingerprint: `SHA256:${'k'.repeat(43)}` };
const OLD = { type: 'ssh-ed25519', fingerprint: `SHA256:${'o'.repeat(43)}`, id: crypto.randomUUID() };
const open = { state: 'open' as const, createdAt: TIME, expiresAt: TIME, usedAt: null, downloadedAt: null };
const runner = sampleRunner({ name: 'db-east', enrolment: open });

/** Whether the coordinator is on another computer. */
let hosted = false;
let installs: SshInstall[];
let server: ReturnType<typeof serveInPage>;
beforeEach(() => {
  installs = [];
  server = serveInPage({
    me: () => {
      const me = testPerson();
      return { ...me, coordinator: { ...me.coordinator, embedded: !hosted } };
    },
    getRunner: () => runner,
    listSshInstalls: () => ({ items: installs }),
    getSshInstall: ({ params }) => installs.find(({ id }) => id === params.id) ?? refuse(),
    startSshInstall: () => {
      const install = installed();
      installs = [install];
      return install;
    },
    answerSshQuestions: () => installed({ state: 'running' }),
    answerHostKey: () => installed({ state: 'running' }),
    forgetHostKey: () => undefined,
    cancelSshInstall: () => undefined,
  });
});
afterEach(() => server.stop());

function refuse(): never {
  throw new OutrunnerError('not-found');
}

const installed = (change: Partial<SshInstall> = {}) => sampleInstall({ runner: runner.id, ...change });
const show = () => render(testPage(<SshInstallDialog runner={runner} opened onClose={() => undefined} />));
const asked = (name: string) => server.asked.filter(([called]) => called === name).map(([, call]) => call);
async function axeFinds() {
  const { violations } = await axe.run(document.querySelector('[role=dialog]') as HTMLElement);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

test('asks for a host and how to sign in, and sends only what belongs to that', async () => {
  const screen = await show();
  await expect.element(screen.getByRole('button', { name: 'Install' })).toHaveAttribute('aria-disabled', 'true');
  await screen.getByRole('textbox', { name: 'Host' }).fill('ann@db.example:2222');
  await userEvent.fill(document.querySelector('input[type=password]') as HTMLElement, 'first tried');
  await screen.getByText('Private key').click();
  await screen.getByRole('textbox', { name: 'Private key' }).fill('-----BEGIN KEY-----');
  expect(await axeFinds()).toEqual([]);
  await screen.getByRole('button', { name: 'Install' }).click();
  await expect.element(screen.getByRole('list', { name: 'Steps' })).toBeVisible();
  expect(asked('startSshInstall').map(({ body }) => body)).toEqual([
    {
      host: 'db.example',
      port: 2222,
      user: 'ann',
      auth: { method: 'key', privateKey: '-----BEGIN KEY-----', passphrase: null },
      mode: 'system',
      name: 'outrunner-agent',
      start: true,
      sudoPassword: null,
      proxy: null,
      ca: null,
    },
  ]);
});

test('shows an installation that runs when it is opened again, and what it asks', async () => {
  const install = installed({ state: 'waiting-for-host-key', hostKey: KEY });
  installs = [install];
  const screen = await show();
  await expect.element(screen.getByText('Is this the right host?')).toBeVisible();
  await expect.element(screen.getByText(KEY.fingerprint)).toBeVisible();
  expect(await axeFinds()).toEqual([]);
  await screen.getByRole('button', { name: 'It is the right one' }).click();
  await vi.waitFor(() => expect(asked('answerHostKey')).toHaveLength(1));
  expect(asked('answerHostKey')[0]).toMatchObject({
    params: { id: install.id },
    body: { accept: true, fingerprint: KEY.fingerprint },
  });
});

test('one that was found running is shown to its end: why it failed is not missed', async () => {
  const install = installed();
  installs = [install];
  const client = createQueryClient();
  const screen = await render(
    testPage(<SshInstallDialog runner={runner} opened onClose={() => undefined} />, { client }),
  );
  await expect.element(screen.getByRole('list', { name: 'Steps' })).toBeVisible();
  const problem = toProblem(new OutrunnerError('ssh-install-cancelled'));
  keepSshInstall(client, { ...install, state: 'failed', endedAt: TIME, problem });
  await expect.element(screen.getByText('The installation was cancelled')).toBeVisible();
  await screen.getByRole('button', { name: 'Try again' }).click();
  await expect.element(screen.getByRole('textbox', { name: 'Host' })).toBeVisible();
});

test('a changed host key is shown beside the known one, which can be forgotten; the form is there again', async () => {
  const screen = await show();
  await screen.getByRole('textbox', { name: 'Host' }).fill('ann@db.example');
  await screen.getByText('SSH agent').click();
  await screen.getByRole('button', { name: 'Install' }).click();
  await expect.element(screen.getByRole('list', { name: 'Steps' })).toBeVisible();
  await screen.unmount();
  const problem = toProblem(new OutrunnerError('ssh-host-key-changed', { detail: 'db.example has another key.' }));
  installs = [installed({ hostKey: KEY, knownHostKey: OLD, problem })];
  const again = await show();
  await expect.element(again.getByText('The host key is not the one that is known for this host')).toBeVisible();
  for (const { fingerprint } of [KEY, OLD]) await expect.element(again.getByText(fingerprint)).toBeVisible();
  expect(await axeFinds()).toEqual([]);
  await again.getByRole('button', { name: /forget the old key/ }).click();
  await expect.element(again.getByRole('textbox', { name: 'Host' })).toBeVisible();
  expect(asked('forgetHostKey').map(({ params }) => params)).toEqual([{ id: OLD.id }]);
});

test('what the host asks is answered in its own words, and the second answer keeps the focus', async () => {
  const questions = {
    id: crypto.randomUUID(),
    title: 'Two steps',
    instructions: 'Have your phone ready.',
    questions: [
      { text: 'Your name:', visible: true },
      { text: 'Verification code:', visible: false },
    ],
  };
  const install = installed({ state: 'waiting-for-answers', questions });
  installs = [install];
  const screen = await show();
  await expect.element(screen.getByText('Have your phone ready.')).toBeVisible();
  await expect.element(screen.getByLabelText('Your name:')).toHaveFocus();
  expect(await axeFinds()).toEqual([]);
  await userEvent.keyboard('ann{Tab}');
  await userEvent.keyboard('123456{Enter}');
  await vi.waitFor(() => expect(asked('answerSshQuestions')).toHaveLength(1));
  expect(asked('answerSshQuestions')[0]).toMatchObject({
    params: { id: install.id },
    body: { questions: questions.id, answers: ['ann', '123456'] },
  });
});

test('proxy and certificates of the wizard are filled in, and one that is wrong is named before anything is sent', async () => {
  const connection = { proxy: 'http://proxy.example:3128', ca: '' };
  const screen = await render(
    testPage(<SshInstallDialog runner={runner} connection={connection} opened onClose={() => undefined} />),
  );
  await screen.getByRole('textbox', { name: 'Host' }).fill('ann@db.example');
  await screen.getByText('SSH agent').click();
  await screen.getByRole('button', { name: /Proxy and certificates/ }).click();
  const proxy = screen.getByRole('textbox', { name: 'Proxy' });
  await expect.element(proxy).toHaveValue('http://proxy.example:3128');
  await proxy.fill('proxy.example');
  await expect.element(screen.getByText(/Write it like http/)).toBeVisible();
  await expect.element(screen.getByRole('button', { name: 'Install' })).toHaveAttribute('aria-disabled', 'true');
  await proxy.fill('socks5://proxy.example:1080');
  await screen.getByRole('button', { name: 'Install' }).click();
  await expect.element(screen.getByRole('list', { name: 'Steps' })).toBeVisible();
  expect(asked('startSshInstall')[0]?.body).toMatchObject({ proxy: 'socks5://proxy.example:1080', ca: null });
});

test('in the desktop console the person chooses who connects; where the coordinator is here, too, there is no choice', async () => {
  const invoked: [string, unknown][] = [];
  let tell: (install: SshInstall) => void = () => undefined;
  const own = installed({ from: 'console', state: 'waiting-for-host-key', hostKey: KEY });
  const bridge = {
    invoke: async (channel: string, input: unknown) => {
      invoked.push([channel, input]);
      if (channel === 'ssh-install.list') return [];
      return channel === 'ssh-install.start' || channel === 'ssh-install.get' ? own : undefined;
    },
    on: (event: string, listener: (install: SshInstall) => void) => {
      if (event === 'ssh-install.changed') tell = listener;
      return () => undefined;
    },
  } as unknown as DesktopBridge;
  const host = createDesktopHost(bridge);
  const dialog = <SshInstallDialog runner={runner} opened onClose={() => undefined} />;
  const client = createQueryClient();
  host.sshInstalls?.onChange((install) => keepSshInstall(client, install));
  hosted = true;
  const screen = await render(testPage(dialog, { host, client }));
  await expect.element(screen.getByText('Name or address, as this computer sees it')).toBeVisible();
  expect(await axeFinds()).toEqual([]);
  await screen.getByText('The coordinator', { exact: true }).click();
  await expect.element(screen.getByText('Name or address, as the coordinator sees it')).toBeVisible();
  await screen.getByText('This computer', { exact: true }).click();
  await screen.getByRole('textbox', { name: 'Host' }).fill('ann@db.example');
  await screen.getByText('SSH agent').click();
  await screen.getByRole('button', { name: 'Install' }).click();
  await screen.getByRole('button', { name: 'It is the right one' }).click();
  await vi.waitFor(() => expect(invoked.map(([channel]) => channel)).toContain('ssh-install.answer-host-key'));
  expect(invoked.find(([channel]) => channel === 'ssh-install.answer-host-key')?.[1]).toEqual({
    id: own.id,
    accept: true,
    fingerprint: KEY.fingerprint,
  });
  // What it printed last stays in view, however much it was.
  for (const length of [20, 40]) {
    tell({ ...own, state: 'running', output: Array.from({ length }, (_, at) => `line ${at + 1}`) });
    await vi.waitFor(() => {
      const view = screen.getByLabelText('What the host printed').element();
      expect(view.textContent).toContain(`line ${length}`);
      expect(view.scrollTop).toBeGreaterThan(0);
      expect(view.scrollTop + view.clientHeight).toBeGreaterThan(view.scrollHeight - 2);
    });
  }
  tell({ ...own, state: 'succeeded', endedAt: TIME });
  await expect.element(screen.getByText('Installed', { exact: true })).toBeVisible();
  expect(server.asked.map(([name]) => name)).not.toContain('startSshInstall');
  await screen.unmount();
  hosted = false;
  const embedded = await render(testPage(dialog, { host }));
  await expect.element(embedded.getByText('Name or address, as the coordinator sees it')).toBeVisible();
  expect(embedded.getByText('Connect from').query()).toBeNull();
});

test('what is pasted as a host falls into its parts', () => {
  expect(partsOfHost('ssh://root@[fe80::1]:22/')).toEqual({ host: 'fe80::1', user: 'root', port: 22 });
  expect(partsOfHost('ann@db.example')).toEqual({ host: 'db.example', user: 'ann' });
  expect(partsOfHost('db.example')).toEqual({ host: 'db.example' });
  expect(partsOfHost('fe80::1')).toEqual({ host: 'fe80::1' });
});
