import { expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import type { Profile } from '../../protocol/ipc.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { ProfilePort, Profiles } from '../host/host.ts';
import { testPage } from '../ui/test-page.tsx';
import { CoordinatorsSection } from './coordinators-section.tsx';

/** Profiles as the desktop shell keeps them, in memory. */
function memoryProfiles(): ProfilePort {
  const profile = (id: string, change: Partial<Profile> = {}): Profile => {
    return { id, kind: 'remote', label: id, url: `https://${id}`, signedIn: false, remembered: true, ...change };
  };
  let state: Profiles = { active: 'here', profiles: [profile('here', { kind: 'embedded', url: null })] };
  const put = (next: Profiles) => {
    state = next;
    return Promise.resolve(state);
  };
  return {
    list: () => Promise.resolve(state),
    use: (id) => put({ ...state, active: id }),
    add: (url, label) => {
      if (!url.startsWith('https://')) {
        const fields = [{ path: 'url', message: 'The address must begin with https://.' }];
        return Promise.reject(new OutrunnerError('invalid-input', { fields }));
      }
      return put({ active: label, profiles: [...state.profiles, profile(label, { url })] });
    },
    remove: (id) => put({ active: 'here', profiles: state.profiles.filter((one) => one.id !== id) }),
  };
}

test('a coordinator is added and used at once, another one used, and one forgotten', async () => {
  const screen = await render(testPage(<CoordinatorsSection port={memoryProfiles()} />));
  await expect.element(screen.getByText('On this computer')).toBeVisible();
  await screen.getByRole('textbox', { name: 'Address' }).fill('https://hq.example.org');
  await screen.getByRole('textbox', { name: 'Label' }).fill('HQ');
  await screen.getByRole('button', { name: 'Add coordinator' }).click();
  await expect.element(screen.getByRole('button', { name: 'Use here' })).toBeVisible();
  await screen.getByRole('button', { name: 'Use here' }).click();
  await expect.element(screen.getByRole('button', { name: 'Use HQ' })).toBeVisible();
  await screen.getByRole('button', { name: 'Forget HQ' }).click();
  await expect.element(screen.getByText('https://hq.example.org')).not.toBeInTheDocument();
});

test('an address that is refused says so at its field', async () => {
  const screen = await render(testPage(<CoordinatorsSection port={memoryProfiles()} />));
  await screen.getByRole('textbox', { name: 'Address' }).fill('ftp://hq');
  await screen.getByRole('button', { name: 'Add coordinator' }).click();
  await expect.element(screen.getByText('The address must begin with https://.')).toBeVisible();
});
