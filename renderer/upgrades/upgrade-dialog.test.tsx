import axe from 'axe-core';
import { afterEach, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import type { Runner } from '../../protocol/api/runners.ts';
import type { NewUpgrade } from '../../protocol/api/upgrades.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { sampleReplica, sampleRunner } from '../runners/sample-runner.ts';
import { type Answers, serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { testPerson } from '../ui/test-person.ts';
import { sampleUpgrade } from './sample-upgrade.ts';
import { UpgradeDialog } from './upgrade-dialog.tsx';
import { VersionMark } from './version-mark.tsx';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

function open(runners: Runner[], answers: Answers = {}, version: string | null = '0.2.0') {
  server = serveInPage({
    me: () => testPerson(),
    listPackages: () => ({ version, development: false, manifest: null, signature: null, packages: [] }),
    listUpgrades: () => ({ items: [], next: null, total: 0 }),
    createUpgrade: () => sampleUpgrade(),
    ...answers,
  });
  return render(
    testPage(
      <main>
        <UpgradeDialog runners={runners} opened onClose={() => undefined} />
      </main>,
    ),
  );
}

const sent = () => server.asked.filter(([name]) => name === 'createUpgrade').map(([, { body }]) => body as NewUpgrade);

async function axeFinds() {
  const { violations } = await axe.run(document.querySelector('[role=dialog]') as HTMLElement);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

/** By the element: without a portal, as in tests, the dialog may stand below the window. */
async function press(button: { findElement(): Promise<Element> }): Promise<void> {
  ((await button.findElement()) as HTMLElement).click();
}

const why = 'It was started by hand: install it as a service.';
const byHand = sampleReplica({ hostname: 'by-hand', upgradable: { can: false, why } });

test('one Runner: from where to where, who stays and why, how long to wait', async () => {
  const runner = sampleRunner({ replicas: [sampleReplica({ hostname: 'web-1' }), byHand] });
  const screen = await open([runner]);
  await expect.element(screen.getByText('1 replica: from 0.1.0 to 0.2.0. 1 replica stays as it is.')).toBeVisible();
  await expect.element(screen.getByText(why)).toBeVisible();
  expect(screen.getByRole('radio').elements(), 'one replica has no rings').toEqual([]);
  await screen.getByRole('textbox', { name: 'Wait for running work, in minutes' }).fill('5');
  expect(await axeFinds()).toEqual([]);
  await screen.getByRole('button', { name: 'Upgrade', exact: true }).click();
  const wanted = { runners: [runner.id], rings: [100], allowDowngrade: false, waitSeconds: 300 };
  await expect.poll(sent).toEqual([wanted]);
});

test('many: rings as presets or as percentages; what the coordinator refuses stands at its field', async () => {
  const runners = Array.from({ length: 8 }, (_, at) =>
    sampleRunner({ replicas: [sampleReplica({ hostname: `h${at}` })] }),
  );
  const message = 'Rings are percentages that rise to 100, for example 10, 50, 100.';
  const wait = 'waitSeconds is at most 604800 seconds.';
  const screen = await open(runners, {
    createUpgrade: () => {
      const fields = [
        { path: 'rings', message },
        { path: 'waitSeconds', message: wait },
      ];
      throw new OutrunnerError('invalid-input', { detail: 'Two fields are wrong.', fields });
    },
  });
  await press(screen.getByRole('radio', { name: /Careful/ }));
  await expect
    .element(screen.getByText('Ring 1: 1 replica · Ring 2: 2 replicas · Ring 3: 5 replicas'))
    .toBeInTheDocument();
  await screen.getByRole('button', { name: 'Upgrade 8 replicas' }).click();
  await expect.element(screen.getByText('Two fields are wrong.')).toBeInTheDocument();
  expect(sent()[0]?.rings).toEqual([12, 37, 100]);
  await press(screen.getByRole('radio', { name: 'Percentages of my own' }));
  const own = screen.getByRole('textbox', { name: 'Percentages at the end of each ring' });
  await own.fill('50, 10');
  await screen.getByRole('button', { name: 'Upgrade 8 replicas' }).click();
  await expect.element(own).toHaveAccessibleDescription(expect.stringContaining(message));
  await expect
    .element(screen.getByRole('textbox', { name: 'Wait for running work, in minutes' }))
    .toHaveAccessibleDescription(expect.stringContaining(wait));
  expect(sent()[1]?.rings).toEqual([50, 10]);
  expect(await axeFinds()).toEqual([]);
});

test('a newer version is replaced only when that is said', async () => {
  const runner = sampleRunner({ replicas: [sampleReplica({ version: '0.3.0' })] });
  const screen = await open([runner]);
  const upgrade = screen.getByRole('button', { name: 'Upgrade', exact: true });
  await expect.element(screen.getByText('It has a newer version.')).toBeVisible();
  await expect.element(upgrade).toHaveAttribute('aria-disabled', 'true');
  await press(screen.getByRole('switch', { name: /Downgrade to 0.2.0/ }));
  await expect.element(screen.getByText('1 replica: from 0.3.0 to 0.2.0.')).toBeVisible();
  await upgrade.click();
  await expect.poll(sent).toMatchObject([{ allowDowngrade: true, runners: [runner.id] }]);
});

test('with nothing that can be upgraded, or nothing to hand out, it says so', async () => {
  const screen = await open([sampleRunner({ replicas: [byHand] })]);
  await expect.element(screen.getByText('No agent gets version 0.2.0. 1 replica stays as it is.')).toBeVisible();
  await expect
    .element(screen.getByRole('button', { name: 'Upgrade', exact: true }))
    .toHaveAttribute('aria-disabled', 'true');
  server.stop();
  await screen.unmount();
  const none = await open([sampleRunner()], {}, null);
  await expect.element(none.getByText(/No agent is built here/)).toBeVisible();
});

test('the state of a version is a word and an icon, with the reason on hover', async () => {
  server = serveInPage({});
  const mark = (version: string, change: Partial<Runner> = {}, development = false) => {
    const runner = sampleRunner({ version, replicas: [sampleReplica({ version })], ...change });
    return <VersionMark runner={runner} handedOut={{ version: '0.2.0', development }} wide />;
  };
  const refusal = { code: 'protocol-unsupported', detail: 'The agent speaks version 1.', address: '10.0.3.7' };
  const screen = await render(
    <ul>
      <li>{mark('0.1.0')}</li>
      <li>{mark('0.2.0', {}, true)}</li>
      <li>{mark('0.3.0')}</li>
      <li>
        {mark('0.1.0', {
          replicas: [sampleReplica({ connected: false, lastSeen: '2026-11-23T20:00:00.000Z' })],
          refusals: [{ ...refusal, at: '2026-11-23T20:00:01.000Z' }],
        })}
      </li>
      <li>
        {mark('0.1.0', {
          replicas: [sampleReplica({ connected: false, lastSeen: '2026-11-23T20:00:00.000Z' })],
          refusals: [
            {
              code: 'protocol-too-new',
              detail: 'Version 0.9.0 of the agent speaks protocol 3, this coordinator 2.',
              address: '10.0.3.7',
              at: '2026-11-23T20:00:01.000Z',
            },
          ],
        })}
      </li>
      <li>{mark('', { version: null, replicas: [] })}</li>
    </ul>,
  );
  const said = () =>
    screen
      .getByRole('listitem')
      .elements()
      .map(({ textContent }) => textContent);
  await expect
    .poll(said)
    .toEqual([
      '0.1.0outdated',
      '0.2.0currentdevelopment build',
      '0.3.0newer',
      '0.1.0too old for this coordinator',
      'newer than this coordinator',
      'not known yet',
    ]);
  await expect
    .element(
      screen.getByTitle(
        /^Newer than this coordinator: it was turned away. Version 0\.9\.0 of the agent .* it had 0\.1\.0\./,
      ),
    )
    .toBeVisible();
  await expect.element(screen.getByTitle(/^Too old: it was turned away. The agent speaks version 1\./)).toBeVisible();
});
