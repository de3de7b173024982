import axe from 'axe-core';
import { afterEach, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import type { Me } from '../../protocol/api/identity.ts';
import type { Upgrade } from '../../protocol/api/upgrades.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { type Answers, serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { testPerson } from '../ui/test-person.ts';
import { sampleUpgradeReplica as replica, sampleUpgrade } from './sample-upgrade.ts';
import { UpgradeScreen } from './upgrade-screen.tsx';
import { UpgradesScreen } from './upgrades-screen.tsx';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

function open(upgrade: Upgrade, answers: Answers = {}, may?: Me['may']) {
  server = serveInPage({ me: () => testPerson(may), getUpgrade: () => upgrade, ...answers });
  return render(
    testPage(
      <main>
        <UpgradeScreen />
      </main>,
      { path: '/upgrades/$id', at: `/upgrades/${upgrade.id}` },
    ),
  );
}

function openList(answers: Answers) {
  server = serveInPage({ me: () => testPerson(), ...answers });
  return render(
    testPage(
      // As in the frame: a column that fills the window.
      <main style={{ display: 'flex', flexDirection: 'column', height: 400 }}>
        <UpgradesScreen />
      </main>,
    ),
  );
}

async function axeFinds() {
  const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

/** By the element: without a portal, as in tests, the dialog may stand below the window. */
async function press(button: { findElement(): Promise<Element> }): Promise<void> {
  ((await button.findElement()) as HTMLElement).click();
}

async function says(part: { query(): Element | null }, text: string): Promise<void> {
  await expect.poll(() => part.query()?.textContent ?? '').toContain(text);
}

const asked = (name: string) => server.asked.filter(([route]) => route === name).length;

test('ring by ring, each replica says how far it is, in words', async () => {
  const screen = await open(
    sampleUpgrade({
      rings: [20, 100],
      ring: 1,
      replicas: [
        replica({ runnerName: 'done', phase: 'checked-in' }),
        replica({ runnerName: 'fetches', ring: 1, phase: 'downloading', received: 12_300_000, total: 45_000_000 }),
        replica({ runnerName: 'works', ring: 1, phase: 'waiting' }),
        replica({ runnerName: 'switches', ring: 1, phase: 'switching' }),
        replica({ runnerName: 'later', ring: 1 }),
        replica({ runnerName: 'away', ring: 1, phase: 'skipped', detail: 'It was not connected when its turn came.' }),
      ],
    }),
  );
  await expect.element(screen.getByRole('heading', { name: 'Ring 1 of 2 · 1 replica · done' })).toBeVisible();
  await expect.element(screen.getByRole('heading', { name: 'Ring 2 of 2 · 5 replicas · under way' })).toBeVisible();
  const row = (name: RegExp) => screen.getByRole('row', { name });
  await says(row(/^done/), 'Checked in');
  await says(row(/^fetches/), 'Downloading12.3 MB of 45.0 MB');
  await says(row(/^works/), 'Waiting for running work');
  await says(row(/^switches/), 'Switchingthe new version has to check in');
  await says(row(/^later/), 'Waiting for its turn');
  await says(row(/^away/), 'Left as it isIt was not connected when its turn came.');
  expect(await axeFinds()).toEqual([]);
});

test('paused for a failure it says why and what can be done; to go on past it is asked first', async () => {
  const why = 'The new version ended with exit code 3 before it had checked in.';
  const paused = sampleUpgrade({
    state: 'paused',
    reason: `1 of 1 in ring 1 failed. web-1: ${why}`,
    rings: [50, 100],
    replicas: [replica({ runnerName: 'web-1', phase: 'failed', detail: why }), replica({ ring: 1 })],
  });
  const screen = await open(paused, { resumeUpgrade: () => ({ ...paused, state: 'running', reason: null }) });
  await expect.element(screen.getByText(`Paused: 1 of 1 in ring 1 failed. web-1: ${why}`)).toBeVisible();
  await expect
    .element(screen.getByText(/one waits for its turn\. Those under way go on\. Resume goes on/))
    .toBeVisible();
  expect(await axeFinds()).toEqual([]);
  await screen.getByRole('button', { name: 'Resume' }).click();
  await expect.element(screen.getByText(/1 replica gets the new version all the same/)).toBeInTheDocument();
  expect(asked('resumeUpgrade')).toBe(0);
  await press(screen.getByRole('dialog').getByRole('button', { name: 'Resume' }));
  await expect.element(screen.getByRole('button', { name: 'Pause' })).toBeVisible();
  expect(asked('resumeUpgrade')).toBe(1);
});

test('a person pauses at once, resumes at once, and is asked before the end', async () => {
  let upgrade = sampleUpgrade({ replicas: [replica({ phase: 'waiting' }), replica()] });
  const change = (part: Partial<Upgrade>) => {
    upgrade = { ...upgrade, ...part };
    return upgrade;
  };
  const screen = await open(upgrade, {
    getUpgrade: () => upgrade,
    pauseUpgrade: () => change({ state: 'paused', reason: 'ann paused it.' }),
    resumeUpgrade: () => change({ state: 'running', reason: null }),
    cancelUpgrade: () => change({ state: 'cancelled', reason: 'ann cancelled it.', endedAt: upgrade.createdAt }),
  });
  await screen.getByRole('button', { name: 'Pause' }).click();
  await expect.element(screen.getByText('Paused: ann paused it.')).toBeVisible();
  await screen.getByRole('button', { name: 'Resume' }).click();
  await expect.element(screen.getByRole('button', { name: 'Pause' })).toBeVisible();
  await screen.getByRole('button', { name: 'Cancel upgrade' }).click();
  await expect.element(screen.getByText(/1 replica that waits for a turn will not begin/)).toBeInTheDocument();
  expect(asked('cancelUpgrade')).toBe(0);
  await press(screen.getByRole('button', { name: 'End the upgrade' }));
  await expect.element(screen.getByText(/ann cancelled it\. Agents that had not begun/)).toBeVisible();
  expect(screen.getByRole('button', { name: /Pause|Resume|Cancel upgrade/ }).elements()).toEqual([]);
});

test('over with failures it is not called finished alone, and names each reason', async () => {
  const screen = await open(
    sampleUpgrade({
      state: 'finished',
      reason: '1 of 2 failed; they have the version of before.',
      endedAt: '2026-11-23T20:10:00.000Z',
      replicas: [
        replica({ phase: 'checked-in' }),
        replica({ runnerName: 'web-2', hostname: 'berlin-2', phase: 'failed', detail: 'The disk is full.' }),
      ],
    }),
  );
  await expect.element(screen.getByText('Finished with failures')).toBeVisible();
  const alert = screen.getByRole('alert').filter({ hasText: 'One replica failed' });
  await says(alert, 'web-2 on berlin-2: The disk is full.');
  expect(await axeFinds()).toEqual([]);
});

test('who may only look is told so, and an upgrade that is not there is a screen of its own', async () => {
  const screen = await open(sampleUpgrade({ replicas: [replica()] }), {}, ['read']);
  await expect.element(screen.getByRole('button', { name: 'Pause' })).toHaveAttribute('aria-disabled', 'true');
  server.stop();
  await screen.unmount();
  const gone = await open(sampleUpgrade(), {
    getUpgrade: () => {
      throw new OutrunnerError('not-found');
    },
  });
  await expect.element(gone.getByText(/nothing at this address/)).toBeVisible();
});

test('the list: empty, with upgrades, not permitted, failed', async () => {
  const empty = await openList({ listUpgrades: () => ({ items: [], next: null, total: 0 }) });
  await expect.element(empty.getByText('No upgrade yet')).toBeVisible();
  expect(await axeFinds()).toEqual([]);
  server.stop();
  await empty.unmount();

  const items = [
    sampleUpgrade({ version: '0.3.0', replicas: [replica({ phase: 'failed' }), replica(), replica()] }),
    sampleUpgrade({ state: 'finished', replicas: [replica({ phase: 'checked-in' })] }),
  ];
  const list = await openList({ listUpgrades: () => ({ items, next: null, total: 2 }) });
  const rows = list.getByRole('row');
  await says(rows.nth(1), 'Running0.3.031 failed2 waiting for their turn');
  await says(rows.nth(2), 'Finished0.2.011 checked in');
  expect(await axeFinds()).toEqual([]);
  server.stop();
  await list.unmount();

  for (const [code, text] of [
    ['not-allowed', 'You may not see this'],
    ['invalid-input', 'Nothing of it is right.'],
  ] as const) {
    const refused = await openList({
      listUpgrades: () => {
        throw new OutrunnerError(code, { detail: 'Nothing of it is right.' });
      },
    });
    await expect.element(refused.getByText(text)).toBeVisible();
    server.stop();
    await refused.unmount();
  }
});
