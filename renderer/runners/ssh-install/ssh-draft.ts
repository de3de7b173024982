import { DEFAULT_SERVICE_NAME, type NewSshInstall, type SshInstall } from '../../../protocol/api/ssh-installs.ts';
import { type Connection, NO_CONNECTION } from '../install/connection-fields.tsx';

/** What is filled in, as the fields have it. */
export interface SshDraft {
  /** What connects, where both can. */
  readonly from: SshInstall['from'];
  readonly host: string;
  readonly port: number | string;
  readonly user: string;
  readonly method: 'password' | 'key' | 'agent' | 'questions';
  readonly password: string;
  readonly privateKey: string;
  readonly passphrase: string;
  readonly mode: 'system' | 'user';
  readonly sudoPassword: string;
  readonly name: string;
  readonly start: boolean;
  readonly connection: Connection;
}

export const EMPTY_DRAFT: SshDraft = {
  // Hosts tend to be near the administrator, and not always near the coordinator.
  from: 'console',
  host: '',
  port: 22,
  user: '',
  method: 'password',
  password: '',
  privateKey: '',
  passphrase: '',
  mode: 'system',
  sudoPassword: '',
  name: DEFAULT_SERVICE_NAME,
  start: true,
  connection: NO_CONNECTION,
};

/** What the coordinator is asked for: only what belongs to the chosen way to sign in. */
export function draftRequest(draft: SshDraft): NewSshInstall {
  const { host, user, mode, name, start } = draft;
  return {
    host,
    port: Number(draft.port),
    user,
    auth: authOf(draft),
    mode,
    name,
    start,
    sudoPassword: mode === 'system' && draft.sudoPassword !== '' ? draft.sudoPassword : null,
    ...networkOf(draft.connection),
  };
}

/** Proxy and certificates as they are asked for; null: as the coordinator's own settings say. */
export function networkOf({ proxy, ca }: Connection): { proxy: string | null; ca: string | null } {
  return { proxy: proxy === '' ? null : proxy, ca: ca.trim() === '' ? null : ca };
}

function authOf({ method, password, privateKey, passphrase }: SshDraft): NewSshInstall['auth'] {
  if (method === 'password') return { method, password };
  if (method === 'agent' || method === 'questions') return { method };
  return { method, privateKey, passphrase: passphrase === '' ? null : passphrase };
}

/** `user@host:port`, pasted into the field of the host, falls into its parts. */
export function partsOfHost(text: string): Partial<Pick<SshDraft, 'host' | 'port' | 'user'>> {
  const match = /^(?:ssh:\/\/)?(?:([^\s@/]+)@)?(\[[0-9A-Fa-f:.]+\]|[^\s@/:[\]]+)(?::(\d{1,5}))?\/?$/.exec(text.trim());
  if (match === null) return { host: text };
  const [, user, host = '', port] = match;
  return {
    host: host.replace(/^\[|\]$/g, ''),
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}
