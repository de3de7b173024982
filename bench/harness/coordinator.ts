import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SessionSchema } from '../../protocol/api/identity.ts';
import { type ApiClient, apiClient } from './api-client.ts';
import { type RunningProgram, startProgram } from './process.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** A real coordinator in a process of its own, on a data folder of its own. */
export interface CoordinatorProcess {
  readonly program: RunningProgram;
  readonly url: string;
  readonly dataDir: string;
  readonly pid: number;
  /** A client signed in as the owner. */
  readonly api: ApiClient;
  /** The key that Runners pin. */
  publicKey(): Promise<string>;
  /** Resolves when a first start has made the password of `admin`, which takes a moment and 128 MB on purpose. */
  passwordMade(): Promise<void>;
  /** A link that signs a browser in, once. */
  signInLink(): Promise<string>;
  /** SIGTERM, and wait for the end. */
  stop(): Promise<void>;
  /** SIGKILL, and wait for the end. */
  kill(): Promise<void>;
}

export interface CoordinatorOptions {
  dataDir: string;
  /** 0: any free one. */
  port?: number;
  args?: readonly string[];
  /** For Node, before the program. */
  nodeArgs?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** In front of the command: `ip netns exec NAME`. */
  wrap?: readonly string[];
  /** How the owner signs in, when `fetch` of this process cannot reach the coordinator. */
  signIn?: boolean;
}

/** Starts `dist/coordinator/main.mjs` and resolves when it answers. Rejects with what it printed when it does not start. */
export async function startCoordinator(options: CoordinatorOptions): Promise<CoordinatorProcess> {
  const program = startProgram(
    process.execPath,
    [
      ...(options.nodeArgs ?? []),
      path.join(root, 'dist/coordinator/main.mjs'),
      '--data-dir',
      options.dataDir,
      '--port',
      String(options.port ?? 0),
      ...(options.args ?? []),
    ],
    { env: { ...process.env, ...options.env }, ...(options.wrap ? { wrap: options.wrap } : {}) },
  );
  const url = (await program.line(/(https?:\/\/[\w.[\]:-]+:\d+)/))[1] as string;
  const api = options.signIn === false ? apiClient(url, '') : apiClient(url, await ownerToken(url, options.dataDir));
  return {
    program,
    url,
    dataDir: options.dataDir,
    pid: program.child.pid as number,
    api,
    publicKey: async () => (await api.call('me')).coordinator.publicKey,
    async passwordMade() {
      await program.line(/^To sign in from elsewhere/);
    },
    async signInLink() {
      const { ticket } = await api.call('createSignInLink');
      return `${url}/#ticket=${ticket}`;
    },
    async stop() {
      await program.stop('SIGTERM');
    },
    async kill() {
      await program.stop('SIGKILL');
    },
  };
}

/** Signs the owner in with the ticket of the data folder. */
export async function ownerToken(url: string, dataDir: string): Promise<string> {
  const ticket = (await readFile(path.join(dataDir, 'owner.ticket'), 'utf8')).trim();
  const response = await fetch(`${url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ticket, carrier: 'bearer' }),
  });
  const { token } = SessionSchema.parse(await response.json());
  if (token === null) throw new Error('The coordinator gave no token for the owner ticket.');
  return token;
}
