import { randomUUID } from 'node:crypto';
import type { Profile } from '../protocol/ipc.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import type { Target } from './api-request.ts';
import { type Caller, callCoordinator } from './coordinator-call.ts';
import type { EmbeddedCoordinator } from './embedded-coordinator.ts';
import type { JsonFile, RemoteProfile, Settings } from './settings-file.ts';
import type { TokenVault } from './token-vault.ts';

export const EMBEDDED = 'embedded';

export interface Profiles {
  readonly active: string;
  readonly profiles: Profile[];
}

export interface ConnectionsDeps {
  readonly caller: Caller;
  readonly settings: JsonFile<Settings>;
  readonly vault: TokenVault;
  readonly embedded: EmbeddedCoordinator;
  /** Asks the person, outside of the page, whether the console may speak to this host. */
  confirmHost(host: string): Promise<boolean>;
  /** Called after each change. */
  changed(profiles: Profiles): void;
  report(message: string): void;
}

/** The coordinators that the console knows, which one is in use, and the tokens for them. */
export interface Connections {
  list(): Profiles;
  use(id: string): Promise<Profiles>;
  /** Adds a remote coordinator after it answered and the person confirmed its host; unchanged when they did not. */
  add(url: string, label: string): Promise<Profiles>;
  /** Forgets a remote coordinator and its token. */
  remove(id: string): Promise<Profiles>;
  signIn(name: string, password: string): Promise<Profiles>;
  signOut(): Promise<Profiles>;
  /** Where requests of the page go now. */
  target(): Promise<Target>;
  /** A new target after the coordinator refused this one's token; null when the person has to sign in again. */
  renew(refused: Target): Promise<Target | null>;
}

export function createConnections(deps: ConnectionsDeps): Connections {
  const { caller, settings, vault, embedded } = deps;
  const active = (): RemoteProfile | undefined =>
    settings.value.profiles.find(({ id }) => id === settings.value.active);

  const list = (): Profiles => ({
    active: active()?.id ?? EMBEDDED,
    profiles: [
      {
        id: EMBEDDED,
        kind: 'embedded',
        label: 'On this computer',
        url: embedded.current?.url ?? null,
        signedIn: embedded.current !== null,
        remembered: true,
      },
      ...settings.value.profiles.map(
        ({ id, label, url }): Profile => ({
          id,
          kind: 'remote',
          label,
          url,
          signedIn: vault.get(id) !== undefined,
          remembered: vault.remembered(id),
        }),
      ),
    ],
  });
  const announce = () => {
    const profiles = list();
    deps.changed(profiles);
    return profiles;
  };
  const save = async (change: Partial<Settings>) => {
    await settings.save({ ...settings.value, ...change });
    return announce();
  };
  /** @throws OutrunnerError `conflict`: nobody signs in or out by hand on this computer. */
  const activeRemote = (): RemoteProfile => {
    const profile = active();
    if (profile) return profile;
    throw new OutrunnerError('conflict', { detail: 'The coordinator on this computer signs its owner in by itself.' });
  };
  const known = (id: string): RemoteProfile => {
    const profile = settings.value.profiles.find((one) => one.id === id);
    if (profile) return profile;
    throw new OutrunnerError('not-found', { detail: 'This coordinator is not in the list.' });
  };
  /** The coordinator forgets the session if it can be reached; the console forgets the token in any case. */
  const endSession = async ({ id, url }: RemoteProfile) => {
    const token = vault.get(id);
    await vault.delete(id);
    if (token === undefined) return;
    try {
      await callCoordinator(caller, { url, token }, 'signOut', {});
    } catch (error) {
      if (!(error instanceof OutrunnerError)) throw error;
      deps.report(`Signing out at ${url} did not reach the coordinator: ${error.message}`);
    }
  };

  return {
    list,
    async use(id) {
      if (id !== EMBEDDED) known(id);
      return save({ active: id });
    },
    async add(url, label) {
      const address = coordinatorAddress(url);
      if (settings.value.profiles.some((profile) => profile.url === address)) {
        throw new OutrunnerError('name-taken', {
          detail: 'This coordinator is in the list already.',
          fields: [{ path: 'url', message: 'This coordinator is in the list already.' }],
        });
      }
      if (!(await deps.confirmHost(new URL(address).host))) return list();
      await callCoordinator(caller, { url: address, token: null }, 'health', {});
      const profile = { id: randomUUID(), label: label.trim() || new URL(address).host, url: address };
      return save({ profiles: [...settings.value.profiles, profile], active: profile.id });
    },
    async remove(id) {
      const profile = known(id);
      await endSession(profile);
      const profiles = settings.value.profiles.filter((one) => one.id !== id);
      return save({ profiles, active: settings.value.active === id ? EMBEDDED : settings.value.active });
    },
    async signIn(name, password) {
      const { id, url } = activeRemote();
      const body = { name, password, carrier: 'bearer' as const };
      const { token } = await callCoordinator(caller, { url, token: null }, 'signIn', { body });
      if (token === null) {
        throw new OutrunnerError('sign-in-refused', { detail: 'The coordinator gave no token to this console.' });
      }
      await vault.set(id, token);
      return announce();
    },
    async signOut() {
      await endSession(activeRemote());
      return announce();
    },
    async target() {
      const profile = active();
      if (!profile) return embedded.target();
      return { url: profile.url, token: vault.get(profile.id) ?? null };
    },
    async renew(refused) {
      const profile = active();
      if (!profile) return embedded.renew(refused);
      // Not the answer to this request any more, or signed out since.
      if (refused.url !== profile.url || refused.token === null || vault.get(profile.id) !== refused.token) return null;
      await vault.delete(profile.id);
      announce();
      return null;
    },
  };
}

/**
 * The address of a coordinator as the person typed it, without path and slash.
 * @throws OutrunnerError `invalid-input` with field `url`: only https, or http on this computer.
 */
export function coordinatorAddress(text: string): string {
  const url = URL.parse(text.trim());
  const refuse = (message: string): never => {
    throw new OutrunnerError('invalid-input', { detail: message, fields: [{ path: 'url', message }] });
  };
  if (url === null || url.host === '') return refuse('The address must be like https://host:port.');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackName(url.hostname))) {
    return refuse('The address must start with https://; http:// is for this computer alone.');
  }
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return refuse('The address must be host and port alone, without a path, name or password.');
  }
  return url.origin;
}

/** Whether a host name, as `URL.hostname` writes it, is this computer and nothing else. */
function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
