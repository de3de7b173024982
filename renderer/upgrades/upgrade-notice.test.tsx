import { afterEach, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import type { Upgrade } from '../../protocol/api/upgrades.ts';
import { sampleReplica, sampleRunner } from '../runners/sample-runner.ts';
import { serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { testPerson } from '../ui/test-person.ts';
import { sampleUpgradeReplica as replica, sampleUpgrade } from './sample-upgrade.ts';
import { UpgradeDialog } from './upgrade-dialog.tsx';
import { UpgradeNotice } from './upgrade-notice.tsx';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

/** A coordinator at which these upgrades run. */
function serve(...upgrades: Upgrade[]): void {
  server = serveInPage({
    me: () => testPerson(),
    listPackages: () => ({ version: '0.2.0', development: false, manifest: null, signature: null, packages: [] }),
    listUpgrades({ query }) {
      const items = upgrades.filter(({ state }) => state === query.state).map(({ replicas: _, ...summary }) => summary);
      return { items, next: null, total: items.length };
    },
    getUpgrade({ params, query }) {
      const found = upgrades.find(({ id }) => id === params.id) as Upgrade;
      const isWanted = (one: Upgrade['replicas'][0]) => query.runner === undefined || one.runner === query.runner;
      return { ...found, replicas: found.replicas.filter(isWanted) };
    },
  });
}

const web = replica({ hostname: 'web-1', phase: 'downloading', received: 12_300_000, total: 45_000_000 });
const other = replica({ hostname: 'db-1', phase: 'checked-in' });

test('above all Runners it is counted, on the page of one its own replicas are named', async () => {
  serve(
    sampleUpgrade({ replicas: [web, other] }),
    sampleUpgrade({ version: '0.1.9', state: 'paused', reason: 'Why.' }),
  );
  const all = await render(testPage(<UpgradeNotice />));
  await expect
    .element(all.getByText('An upgrade to 0.2.0 is under way. 1 of 2 replicas checked in so far. Show upgrade'))
    .toBeVisible();
  await expect.element(all.getByText(/^The upgrade to 0\.1\.9 is paused: Why\./)).toBeVisible();
  expect(server.asked.map(([name]) => name)).not.toContain('getUpgrade');
  await all.unmount();

  const one = await render(testPage(<UpgradeNotice runner={web.runner} />));
  await expect.element(one.getByText(/web-1: downloading \(12\.3 MB of 45\.0 MB\)\. Show upgrade/)).toBeVisible();
  expect(one.getByText(/0\.1\.9/).elements(), 'it has no part in the other').toEqual([]);
  await one.unmount();

  const none = await render(testPage(<UpgradeNotice runner={sampleRunner().id} />));
  await expect.poll(() => server.asked.filter(([name]) => name === 'getUpgrade').length).toBeGreaterThan(2);
  expect(none.getByRole('alert').elements()).toEqual([]);
});

test('a replica that an upgrade has in hand is not ordered a second time', async () => {
  const busy = sampleReplica({ hostname: 'busy' });
  serve(sampleUpgrade({ replicas: [replica({ replica: busy.id })] }));
  const screen = await render(
    testPage(<UpgradeDialog runners={[sampleRunner({ replicas: [busy] })]} opened onClose={() => undefined} />),
  );
  await expect.element(screen.getByText('It is part of an upgrade that is under way.')).toBeVisible();
  await expect
    .element(screen.getByRole('button', { name: 'Upgrade', exact: true }))
    .toHaveAttribute('aria-disabled', 'true');
});
