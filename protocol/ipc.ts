import { z } from 'zod';
import {
  HostKeyFingerprintSchema,
  NewLocalInstallSchema,
  NewSshInstallSchema,
  SshAnswersSchema,
  SshInstallSchema,
} from './api/ssh-installs.ts';
import { IdSchema } from './fields.ts';
import { PackageFormatSchema, PackageOptionsSchema } from './package-options.ts';
import { ProblemSchema } from './problems.ts';

/**
 * What the console's page may ask the desktop shell for: one table, channel → input and output. Preload, the handlers of
 * the main process and the page's own type are all made from it; both ends parse. Nothing else crosses.
 */

/** A coordinator that the console knows: the embedded one on this computer, or a remote one. Tokens never leave main. */
export const ProfileSchema = z.object({
  id: z.string(),
  kind: z.enum(['embedded', 'remote']),
  label: z.string(),
  url: z.string().nullable(),
  signedIn: z.boolean(),
  /** false: no safe store on this computer; the token lives until the console is closed, and the page says so. */
  remembered: z.boolean(),
});
export type Profile = z.infer<typeof ProfileSchema>;

export const ProfilesSchema = z.object({ active: z.string(), profiles: z.array(ProfileSchema) });

/** Every answer is either the output or a problem: errors lose their type on the way through Electron otherwise. */
export const ThemeSchema = z.enum(['light', 'dark', 'auto']);

export const DownloadProgressSchema = z.object({
  download: z.string(),
  receivedBytes: z.number(),
  totalBytes: z.number().nullable(),
  phase: z.enum(['receiving', 'verifying', 'done', 'failed', 'cancelled']),
  problem: ProblemSchema.nullable(),
});
export type DownloadProgress = z.infer<typeof DownloadProgressSchema>;

export const DownloadResultSchema = z.object({
  fileName: z.string(),
  size: z.number(),
  sha256: z.string(),
  /** The manifest's signature fits the release key and the executable's SHA-256 fits the manifest. */
  verified: z.boolean(),
  development: z.boolean(),
  /** The saved file can be shown with `download.show`; null: the person cancelled the dialog. */
  saved: z.boolean(),
});
export type DownloadResult = z.infer<typeof DownloadResultSchema>;

const nothing = z.void();
const byId = z.object({ id: IdSchema });

export const IPC = {
  'profiles.list': { input: nothing, output: ProfilesSchema },
  'profiles.use': { input: z.object({ id: z.string().max(100) }), output: ProfilesSchema },
  'profiles.add': { input: z.object({ url: z.string().max(500), label: z.string().max(100) }), output: ProfilesSchema },
  'profiles.remove': { input: z.object({ id: z.string().max(100) }), output: ProfilesSchema },
  'session.signIn': {
    input: z.object({ name: z.string().max(100), password: z.string().max(1000) }),
    output: ProfilesSchema,
  },
  'session.signOut': { input: nothing, output: ProfilesSchema },
  'download.start': {
    input: z.object({
      download: z.string().max(64),
      runner: IdSchema,
      ...PackageOptionsSchema.shape,
      format: PackageFormatSchema,
    }),
    output: DownloadResultSchema,
  },
  'download.cancel': { input: z.object({ download: z.string().max(64) }), output: nothing },
  'download.show': { input: z.object({ download: z.string().max(64) }), output: nothing },
  /**
   * Installations from this computer, over SSH and on it. Passwords, keys and answers go one way only; host keys that were confirmed are
   * kept by the shell.
   */
  'ssh-install.start': {
    input: z.object({ runner: IdSchema, install: NewSshInstallSchema }),
    output: SshInstallSchema,
  },
  /** On this computer itself, for the user of the console. */
  'ssh-install.start-here': {
    input: z.object({ runner: IdSchema, install: NewLocalInstallSchema }),
    output: SshInstallSchema,
  },
  /** Those of one Runner since the shell was started, newest first. */
  'ssh-install.list': { input: z.object({ runner: IdSchema }), output: z.array(SshInstallSchema) },
  'ssh-install.get': { input: byId, output: SshInstallSchema },
  'ssh-install.answer-host-key': {
    input: z.object({ id: IdSchema, fingerprint: HostKeyFingerprintSchema, accept: z.boolean() }),
    output: nothing,
  },
  'ssh-install.answer-questions': {
    input: z.object({ id: IdSchema, ...SshAnswersSchema.shape }),
    output: nothing,
  },
  'ssh-install.cancel': { input: byId, output: nothing },
  'ssh-install.forget-host-key': { input: byId, output: nothing },
  'theme.set': { input: z.object({ theme: ThemeSchema }), output: nothing },
  'link.open': { input: z.object({ url: z.string().max(2000) }), output: nothing },
  'shell.version': {
    input: nothing,
    output: z.object({ version: z.string(), electron: z.string(), platform: z.string() }),
  },
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>;

export type IpcChannel = keyof typeof IPC;
export type IpcInput<C extends IpcChannel> = z.input<(typeof IPC)[C]['input']>;
export type IpcOutput<C extends IpcChannel> = z.output<(typeof IPC)[C]['output']>;

/** What main tells the page without being asked. */
export const IPC_EVENTS = {
  'download.progress': DownloadProgressSchema,
  'profiles.changed': ProfilesSchema,
  'ssh-install.changed': SshInstallSchema,
} as const satisfies Record<string, z.ZodType>;
export type IpcEvent = keyof typeof IPC_EVENTS;

/** How an answer travels: a thrown problem keeps its code. */
export const IpcReplySchema = z.union([
  z.object({ ok: z.literal(true), value: z.unknown().optional() }),
  z.object({ ok: z.literal(false), problem: ProblemSchema }),
]);

/**
 * `window.outrunner` in the desktop console; absent in a browser. Only plain data, promises and functions cross from the
 * preload script to the page: an AbortSignal does not, nor does an Error keep its fields.
 */
export interface DesktopBridge {
  /** @throws a plain `Problem` object (no Error: it would lose its code on the way). */
  invoke<C extends IpcChannel>(channel: C, input: IpcInput<C>): Promise<IpcOutput<C>>;
  /** Calls `listener` at each event until the returned function is called. */
  on<E extends IpcEvent>(event: E, listener: (payload: z.output<(typeof IPC_EVENTS)[E]>) => void): () => void;
}
