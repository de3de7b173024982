import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { userEvent } from 'vitest/browser';
import { render } from 'vitest-browser-react';
import type { Runner } from '../../../protocol/api/runners.ts';
import { NewRunnerSchema } from '../../../protocol/api/runners.ts';
import { OutrunnerError } from '../../../protocol/problems.ts';
import { serveInPage } from '../../ui/test-coordinator.ts';
import { testPage } from '../../ui/test-page.tsx';
import { testPerson } from '../../ui/test-person.ts';
import { sampleRunner } from '../sample-runner.ts';
import { draftStore } from './draft-store.ts';
import { WizardScreen } from './wizard-screen.tsx';

const TIME = '2026-11-23T20:00:00.000Z';
const project = (name: string) => ({
  name,
  label: `${name} label`,
  description: '',
  selection: 'automatic' as const,
  createdAt: TIME,
  jobs: 0,
  runners: 0,
  running: 0,
});

const LINUX = {
  platform: 'linux-x64' as const,
  label: 'Linux x64',
  available: true,
  reason: null,
  formats: ['tar.gz' as const],
  downloadSize: 1,
  executable: null,
  compressed: null,
};

let packages: (typeof LINUX)[];
let runners: Runner[];
let byKey: Map<string, Runner>;
/** Set to refuse the next creation. */
let refusal: OutrunnerError | null;
let server: ReturnType<typeof serveInPage>;

beforeEach(() => {
  localStorage.clear();
  draftStore.setState({ drafts: {} });
  runners = [sampleRunner({ name: 'Berlin DMZ' })];
  byKey = new Map();
  refusal = null;
  packages = [];
  server = serveInPage({
    me: () => testPerson(),
    listTags: () => ({ linux: 2 }),
    listProjects: () => ({ items: [project('Welcome'), project('Payments')], next: null, total: 2 }),
    listPackages: () => ({ version: null, development: true, manifest: null, signature: null, packages }),
    listSshInstalls: () => ({ items: [] }),
    installHere: () => {
      throw new OutrunnerError('conflict');
    },
    checkRunnerName: ({ params }) => {
      const taken = runners.find(({ name }) => name.toLowerCase() === params.name?.toLowerCase());
      return { free: !taken, runner: taken ? { id: taken.id, name: taken.name } : null };
    },
    getRunner: ({ params }) => {
      const found = runners.find(({ id }) => id === params.id);
      if (!found) throw new OutrunnerError('not-found');
      return found;
    },
    createRunner: ({ body, idempotencyKey }) => {
      const refused = refusal;
      refusal = null;
      if (refused) throw refused;
      const known = byKey.get(idempotencyKey ?? '');
      const { replicas, tokenHours: _, ...input } = NewRunnerSchema.parse(body);
      const enrolment = { state: 'open' as const, createdAt: TIME, expiresAt: TIME, usedAt: null, downloadedAt: null };
      const runner = known ?? sampleRunner({ ...input, replicaMode: replicas, enrolment });
      if (!known) runners.push(runner);
      byKey.set(idempotencyKey ?? '', runner);
      return { runner, enrolment: { token: 'ore_', expiresAt: TIME } };
    },
  });
});
afterEach(() => server.stop());

/** Shows the wizard; a second call is what a reload does: nothing is left but what the browser stored. */
async function open(inProject = false) {
  await draftStore.persist.rehydrate();
  return render(
    testPage(
      <WizardScreen />,
      inProject
        ? { path: '/projects/$project/runners/new', at: '/projects/Welcome/runners/new' }
        : { path: '/runners/new', at: '/runners/new' },
    ),
  );
}

/** Empties the store but not the browser's storage, as closing the window does. */
function forgetMemory() {
  const stored = localStorage.getItem('outrunner.wizard-drafts') ?? '';
  draftStore.setState({ drafts: {} });
  localStorage.setItem('outrunner.wizard-drafts', stored);
}

type Screen = Awaited<ReturnType<typeof open>>;

async function fillDetails(screen: Screen, name = 'Oslo Edge') {
  await screen.getByRole('textbox', { name: 'Name' }).fill(name);
  await screen.getByRole('textbox', { name: 'Description' }).fill('Edge host in Oslo');
  await screen.getByRole('combobox', { name: 'Tags' }).click();
  await userEvent.keyboard('linux,edge ');
}

const next = (screen: Screen) => screen.getByRole('button', { name: 'Next' }).click();
const created = () => server.asked.filter(([name]) => name === 'createRunner');

describe('the first step', () => {
  test('says of each field what is missing, and goes to the first of them', async () => {
    const screen = await open();
    await next(screen);
    await expect.element(screen.getByText('Name is required.')).toBeVisible();
    await expect.element(screen.getByText('Description is required.')).toBeVisible();
    await expect.element(screen.getByText('At least one tag is needed.')).toBeVisible();
    await expect.element(screen.getByRole('textbox', { name: 'Name' })).toHaveFocus();
  });

  test('names the Runner that has the name already, while typing', async () => {
    const screen = await open();
    await fillDetails(screen, 'berlin dmz');
    await expect.element(screen.getByText(/taken by the Runner “Berlin DMZ”/)).toBeVisible();
    await next(screen);
    await expect.element(screen.getByRole('switch', { name: /Assigned to/ })).not.toBeInTheDocument();
  });

  test('opens what is folded away when something is wrong there', async () => {
    const screen = await open();
    await fillDetails(screen);
    await screen.getByRole('button', { name: 'Advanced' }).click();
    await screen.getByRole('textbox', { name: 'Maximum operations' }).fill('0');
    await screen.getByRole('button', { name: 'Advanced' }).click();
    await next(screen);
    await expect.element(screen.getByText('Maximum operations is at least 1.')).toBeVisible();
  });
});

describe('the draft', () => {
  test('survives a reload, with the step it was at', async () => {
    const first = await open();
    await fillDetails(first);
    await next(first);
    await first.getByRole('switch', { name: 'Assigned to Welcome' }).click();
    await first.unmount();
    forgetMemory();
    const again = await open();
    await expect.element(again.getByRole('switch', { name: 'Assigned to Welcome' })).toBeChecked();
    await again.getByRole('button', { name: 'Back' }).click();
    await expect.element(again.getByRole('textbox', { name: 'Name' })).toHaveValue('Oslo Edge');
  });

  test('is gone after Cancel', async () => {
    const screen = await open();
    await fillDetails(screen);
    await screen.getByRole('button', { name: 'Cancel' }).click();
    await expect.element(screen.getByText('elsewhere')).toBeVisible();
    expect(localStorage.getItem('outrunner.wizard-drafts')).not.toContain('Oslo Edge');
    expect(created()).toHaveLength(0);
  });

  test('of one project is not the draft of another place', async () => {
    const inside = await open(true);
    await fillDetails(inside, 'Inside');
    await inside.unmount();
    const outside = await open();
    await expect.element(outside.getByRole('textbox', { name: 'Name' })).toHaveValue('');
  });

  test('that cannot be read counts as none', async () => {
    localStorage.setItem('outrunner.wizard-drafts', '{"state":{"drafts":{"":{"step":7}}},"version":1}');
    const screen = await open();
    await expect.element(screen.getByRole('textbox', { name: 'Name' })).toHaveValue('');
  });
});

describe('the third step', () => {
  test('creates the Runner when it is entered, as it was filled in', async () => {
    const screen = await open();
    await fillDetails(screen);
    await next(screen);
    await screen.getByRole('searchbox', { name: 'Search projects' }).fill('welc');
    await screen.getByRole('switch', { name: 'Assigned to Welcome' }).click();
    await expect.element(screen.getByText('1 assigned')).toBeVisible();
    await next(screen);
    await expect.element(screen.getByText('Your Runner has been successfully established.')).toBeVisible();
    expect(created()[0]?.[1].body).toMatchObject({
      name: 'Oslo Edge',
      description: 'Edge host in Oslo',
      tags: ['linux', 'edge'],
      projects: [{ project: 'Welcome', asNode: true }],
      maxOperations: 50,
      replicas: 'single',
    });
  });

  test('does not create a second one after a reload', async () => {
    const first = await open();
    await fillDetails(first);
    await next(first);
    await next(first);
    await expect.element(first.getByText('Your Runner has been successfully established.')).toBeVisible();
    await first.unmount();
    forgetMemory();
    const again = await open();
    await expect.element(again.getByText('Your Runner has been successfully established.')).toBeVisible();
    expect(created()).toHaveLength(1);
  });

  test('tries again with the same key when the coordinator was out of reach', async () => {
    refusal = new OutrunnerError('shutting-down');
    const screen = await open();
    await fillDetails(screen);
    await next(screen);
    await next(screen);
    await screen.getByRole('button', { name: 'Try again' }).click();
    await expect.element(screen.getByText('Your Runner has been successfully established.')).toBeVisible();
    const keys = created().map(([, { idempotencyKey }]) => idempotencyKey);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  test('leads back to the name when that was taken meanwhile, and then asks with another key', async () => {
    refusal = new OutrunnerError('name-taken', { detail: 'The name was taken.' });
    const screen = await open();
    await fillDetails(screen);
    await next(screen);
    await next(screen);
    await screen.getByRole('button', { name: 'Back' }).click();
    await screen.getByRole('textbox', { name: 'Name' }).fill('Oslo Edge 2');
    await next(screen);
    await next(screen);
    await expect.element(screen.getByText('Your Runner has been successfully established.')).toBeVisible();
    const [first, second] = created().map(([, { idempotencyKey }]) => idempotencyKey);
    expect(second).not.toBe(first);
  });

  test('gives the proxy that was typed in to the installation over SSH, and to the one here', async () => {
    packages = [LINUX];
    const screen = await open();
    await fillDetails(screen);
    await next(screen);
    await next(screen);
    await screen.getByRole('button', { name: /Proxy and certificates/ }).click();
    await screen.getByRole('textbox', { name: 'Proxy' }).fill('http://proxy.example:3128');
    await screen.getByRole('button', { name: 'Run on this computer' }).click();
    await vi.waitFor(() =>
      expect(server.asked.find(([name]) => name === 'installHere')?.[1].body).toEqual({
        proxy: 'http://proxy.example:3128',
        ca: null,
      }),
    );
    await screen.getByRole('button', { name: 'Install over SSH…' }).click();
    const dialog = screen.getByRole('dialog');
    await expect.element(dialog.getByText('proxy set')).toBeVisible();
    await dialog.getByRole('button', { name: /Proxy and certificates/ }).click();
    await expect.element(dialog.getByRole('textbox', { name: 'Proxy' })).toHaveValue('http://proxy.example:3128');
  });

  test('ends with Close and Complete, which throws the draft away', async () => {
    const screen = await open();
    await fillDetails(screen);
    await next(screen);
    await next(screen);
    await screen.getByRole('button', { name: 'Close and Complete' }).click();
    await expect.element(screen.getByText('elsewhere')).toBeVisible();
    expect(localStorage.getItem('outrunner.wizard-drafts')).not.toContain('Oslo Edge');
  });
});

test('inside of a project the second step is Node Dispatch, and the Runner belongs to that project', async () => {
  const screen = await open(true);
  await fillDetails(screen);
  await next(screen);
  await expect.element(screen.getByRole('switch', { name: /Runner as a node/ })).toBeChecked();
  await next(screen);
  await expect.element(screen.getByText('Your Runner has been successfully established.')).toBeVisible();
  expect(created()[0]?.[1].body).toMatchObject({ projects: [{ project: 'Welcome' }] });
});
