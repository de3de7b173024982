import { DEFAULT_SERVICE_NAME, type NewSshInstall } from '../../../protocol/api/ssh-installs.ts';

/** What is filled in, as the fields have it. */
export interface SshDraft {
  readonly host: string;
  readonly port: number | string;
  readonly user: string;
  readonly method: 'password' | 'key' | 'agent';
  readonly password: string;
  readonly privateKey: string;
  readonly passphrase: string;
  readonly mode: 'system' | 'user';
  readonly sudoPassword: string;
  readonly name: string;
  readonly start: boolean;
}

export const EMPTY_DRAFT: SshDraft = {
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
  };
}

function authOf({ method, password, privateKey, passphrase }: SshDraft): NewSshInstall['auth'] {
  if (method === 'password') return { method, password };
  if (method === 'agent') return { method };
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
