import axe from 'axe-core';
import { afterEach, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import type { Me } from '../../protocol/api/identity.ts';
import type { Trust } from '../../protocol/api/trust.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { type Answers, serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { testPerson } from '../ui/test-person.ts';
import { sampleBehind, sampleTrust } from './sample-trust.ts';
import { TrustScreen } from './trust-screen.tsx';

const NEW = { publicKey: 'B'.repeat(43), since: '2026-11-23T20:14:00.000Z' };
const OLD = { publicKey: 'A'.repeat(43) };

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

function open(trust: Trust, answers: Answers = {}, may?: Me['may']) {
  server = serveInPage({ me: () => testPerson(may), getTrust: () => trust, ...answers });
  return render(
    testPage(
      <main>
        <TrustScreen />
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

const asked = (name: string) => server.asked.filter(([route]) => route === name).map(([, call]) => call.body);

test('one key that everybody knows can be rotated, and the answer is shown', async () => {
  const screen = await open(sampleTrust(), {
    rotateKey: () =>
      sampleTrust({
        key: NEW,
        previousKey: OLD,
        replicas: { total: 3, current: 2, away: 1, told: 0, refused: 0, unable: 0 },
        behind: [sampleBehind({ runnerName: 'db-west-1' })],
      }),
  });
  await expect.element(screen.getByText(/All 3 replicas know the key/)).toBeVisible();
  await screen.getByRole('button', { name: 'Rotate key…' }).click();
  await press(screen.getByRole('button', { name: 'Rotate key', exact: true }));
  await expect.element(screen.getByText(/2 of 3 replicas know the new key\./)).toBeVisible();
  await expect.element(screen.getByText(OLD.publicKey)).toBeVisible();
  await expect.element(screen.getByRole('row', { name: /db-west-1.*Not connected/ })).toBeVisible();
  expect(asked('rotateKey')).toHaveLength(1);
});

const KNOWN = { total: 3, current: 3, away: 0, told: 0, refused: 0, unable: 0 };

test('before a rotation it is said how many cannot learn the new key', async () => {
  const screen = await open(sampleTrust({ replicas: { ...KNOWN, pinned: 2 } }));
  await screen.getByRole('button', { name: 'Rotate key…' }).click();
  const words = /^2 replicas cannot learn the new key: their version knows one for good\. Upgrade them first;/;
  await expect.element(screen.getByText(words)).toBeInTheDocument();
  expect(await axeFinds()).toEqual([]);
});

test.each([
  ['all can', 0],
  ['the coordinator does not count them', undefined],
])('before a rotation nothing is said of who cannot learn the new key where %s', async (_, pinned) => {
  const screen = await open(sampleTrust({ replicas: { ...KNOWN, pinned } }));
  await screen.getByRole('button', { name: 'Rotate key…' }).click();
  await expect.element(screen.getByText('Rotate the signing key?')).toBeInTheDocument();
  expect(screen.getByText(/cannot learn/).query()).toBeNull();
});

test('the old key is retired after a question that says who still has to learn the new one', async () => {
  const screen = await open(
    sampleTrust({
      key: NEW,
      previousKey: OLD,
      replicas: { total: 3, current: 2, away: 1, told: 0, refused: 0, unable: 0 },
      behind: [sampleBehind()],
    }),
    { retireKey: () => sampleTrust({ key: NEW }) },
  );
  await screen.getByRole('button', { name: 'Retire old key…' }).click();
  await expect.element(screen.getByText(/1 replica does not know the new key yet/)).toBeInTheDocument();
  await press(screen.getByRole('button', { name: 'Retire old key', exact: true }));
  await expect.element(screen.getByRole('button', { name: 'Rotate key…' })).toBeVisible();
  expect(asked('retireKey')).toEqual([{ leaveBehind: false }]);
});

test('who cannot learn the new key is not left behind by a quick press', async () => {
  const screen = await open(
    sampleTrust({
      key: NEW,
      previousKey: OLD,
      replicas: { total: 3, current: 1, away: 0, told: 0, refused: 0, unable: 2 },
      behind: [sampleBehind({ reason: 'unable' }), sampleBehind({ reason: 'unable' })],
    }),
    { retireKey: () => sampleTrust({ key: NEW }) },
  );
  await screen.getByRole('button', { name: 'Retire old key…' }).click();
  const confirm = screen.getByRole('button', { name: 'Retire old key', exact: true });
  await expect.element(confirm).toBeDisabled();
  await screen.getByLabelText('Type “leave 2 behind” to confirm').fill('leave 2 behind');
  await press(confirm);
  await expect.poll(() => asked('retireKey')).toEqual([{ leaveBehind: true }]);
});

test('a refusal stays in the dialog, and says what to do', async () => {
  const screen = await open(sampleTrust(), {
    rotateKey: () => {
      throw new OutrunnerError('key-rotation-open');
    },
  });
  await screen.getByRole('button', { name: 'Rotate key…' }).click();
  await press(screen.getByRole('button', { name: 'Rotate key', exact: true }));
  await expect.element(screen.getByText(/A rotation of the key is under way/)).toBeInTheDocument();
});

test('authorities with their ends, and each reason in words; axe finds nothing', async () => {
  const authority = { subject: 'CN=Example Root', fingerprint: 'AB:CD', notBefore: '2020-01-01T00:00:00.000Z' };
  const screen = await open(
    sampleTrust({
      authorities: [
        { ...authority, notAfter: '2021-01-01T00:00:00.000Z' },
        { ...authority, fingerprint: 'EF:01', notAfter: '2999-01-01T00:00:00.000Z' },
      ],
      replicas: { total: 120, current: 10, away: 50, told: 30, refused: 20, unable: 10 },
      behind: [
        sampleBehind({ reason: 'unable' }),
        sampleBehind({ reason: 'refused', detail: 'The certificate would not be trusted.' }),
        sampleBehind({ reason: 'told' }),
        sampleBehind({ reason: 'away' }),
      ],
    }),
  );
  await expect.element(screen.getByText(/expired/)).toBeVisible();
  await expect.element(screen.getByRole('heading', { name: 'Not up to date: 110 of 120 replicas' })).toBeVisible();
  await expect.element(screen.getByText('The first 4 are shown.')).toBeVisible();
  await expect.element(screen.getByText(/The certificate would not be trusted\./)).toBeVisible();
  expect(await axeFinds()).toEqual([]);
});

test('without the right to manage, the button says so', async () => {
  const screen = await open(sampleTrust(), {}, ['read']);
  await expect.element(screen.getByRole('button', { name: 'Rotate key…' })).toHaveAttribute('aria-disabled', 'true');
});
