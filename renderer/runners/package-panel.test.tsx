import axe from 'axe-core';
import { afterEach, expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import type { Package } from '../../protocol/api/packages.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE, type PlatformSignature } from '../../protocol/release.ts';
import { api } from '../api/api-client.ts';
import { createBrowserHost } from '../host/browser-host.ts';
import { HostProvider } from '../host/host-context.tsx';
import { AboutScreen } from '../settings/about-screen.tsx';
import { serveInPage } from '../ui/test-coordinator.ts';
import { testPage } from '../ui/test-page.tsx';
import { testPerson } from '../ui/test-person.ts';
import { PackagePanel } from './package-panel.tsx';
import { sampleRunner } from './sample-runner.ts';

let server: ReturnType<typeof serveInPage>;
afterEach(() => server.stop());

function built(platform: PlatformTarget, platformSignature: PlatformSignature | null): Package {
  const { label, executable } = AGENT_TARGET_TABLE[platform];
  return {
    platform,
    label,
    available: true,
    reason: null,
    formats: [platform === 'win-x64' ? 'zip' : 'tar.gz'],
    downloadSize: 41_000_000,
    executable: { fileName: executable, size: 109_000_000, sha256: 'a'.repeat(64), platformSignature },
    compressed: { size: 41_000_000, sha256: 'b'.repeat(64) },
  };
}

const PACKAGES = [
  built('linux-x64', { kind: 'none', signer: null }),
  built('win-x64', { kind: 'signed', signer: 'Example Ltd' }),
  built('macos-arm64', { kind: 'ad-hoc', signer: null }),
];

function serve(development: boolean): void {
  server = serveInPage({
    me: () => testPerson(),
    listPackages: () => ({ version: '0.2.0', development, manifest: null, signature: null, packages: PACKAGES }),
  });
}

async function axeFinds() {
  const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

const inPage = (what: React.ReactNode) =>
  testPage(
    <HostProvider host={createBrowserHost(api)}>
      <main>{what}</main>
    </HostProvider>,
  );

test('before the download it says what the system of the host will find, and that a development build is no release', async () => {
  serve(true);
  const screen = await render(inPage(<PackagePanel runner={sampleRunner()} />));
  const notes = screen.getByRole('list', { name: 'Signatures' });
  const says = (text: string) => expect.poll(() => notes.query()?.textContent ?? '').toContain(text);
  await screen.getByRole('radio', { name: /macOS Apple silicon/ }).click();
  await says('Signed ad hoc, which names nobody. It starts on Apple silicon. What a browser has downloaded');
  await says('Development build. Signed with a key that was made on the machine that built it.');
  expect(await axeFinds()).toEqual([]);
  await screen.getByRole('radio', { name: /Windows x64/ }).click();
  await says('Authenticode: signed by Example Ltd. Windows shows this name as the publisher.');
  await screen.getByRole('radio', { name: /Linux x64/ }).click();
  await says('Not signed for Linux. That is usual');
  await screen.unmount();
  server.stop();

  serve(false);
  const released = await render(inPage(<PackagePanel runner={sampleRunner()} />));
  await expect.element(released.getByRole('list', { name: 'Signatures' })).toBeVisible();
  expect(released.getByText('Development build').elements()).toEqual([]);
});

test('About lists the same for all platforms', async () => {
  serve(true);
  const screen = await render(inPage(<AboutScreen />));
  await expect.element(screen.getByText('109 MB · Signed ad hoc, which names nobody')).toBeVisible();
  await expect.element(screen.getByText('109 MB · Authenticode: signed by Example Ltd')).toBeVisible();
  await expect.element(screen.getByText(/^Version 0\.2\.0\. A development build\. Signed with a key/)).toBeVisible();
  expect(await axeFinds()).toEqual([]);
});
