import { z } from 'zod';
import { PlatformTargetSchema } from '../enrolment.ts';
import { IdSchema, lineSchema, TimeSchema } from '../fields.ts';
import { ProxyUrlSchema } from '../package-options.ts';
import { ProblemSchema } from '../problems.ts';
import { CaPemSchema } from '../trust-fields.ts';
import { route } from './route.ts';

/** The steps of an installation over SSH, in their order. */
export const SSH_STEPS = ['connect', 'host-key', 'detect', 'upload', 'verify', 'install', 'start', 'clean'] as const;
export const SshStepNameSchema = z.enum(SSH_STEPS).meta({ id: 'SshStepName' });
export type SshStepName = z.infer<typeof SshStepNameSchema>;

const HostSchema = z
  .string('Host must be text.')
  .trim()
  .min(1, 'Host is required.')
  .max(253, 'Host may have at most 253 characters.')
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$|^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?$/, {
    message: 'Host must be a host name or an address, without user and port.',
  });
const PortSchema = z
  .number('Port must be a number.')
  .int('Port must be whole.')
  .min(1, 'Port is at least 1.')
  .max(65_535, 'Port is at most 65535.');

/** The fingerprint of a host key as OpenSSH writes it. */
export const HostKeyFingerprintSchema = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'A host key is given as its fingerprint, like SHA256:AbC….');

const secretSchema = (what: string) => z.string(`${what} must be text.`).max(1000, `${what} is too long.`);

/** How to sign in. These values live in memory, while the installation runs. */
export const SshSignInSchema = z.discriminatedUnion(
  'method',
  [
    z.strictObject({
      method: z.literal('password'),
      password: secretSchema('Password').min(1, 'Password is required.'),
    }),
    z.strictObject({
      method: z.literal('key'),
      /** OpenSSH, PEM or PuTTY form. */
      privateKey: z
        .string('Private key must be text.')
        .min(1, 'Private key is required.')
        .max(64_000, 'This is too long for a private key.'),
      passphrase: secretSchema('Passphrase').nullable().default(null),
    }),
    /** The SSH agent of the process that connects: the coordinator's, or the console's. */
    z.strictObject({ method: z.literal('agent') }),
    /** Nothing beforehand: a person answers what the host asks. */
    z.strictObject({ method: z.literal('questions') }),
  ],
  'Sign-in is by password, key, agent or questions.',
);

/** Name of the service on the host; another one allows a second Runner there. */
export const ServiceNameSchema = z
  .string('Service name must be text.')
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'Service name has lower-case letters, digits and hyphens, at most 31.');
export const DEFAULT_SERVICE_NAME = 'outrunner-agent';

/** How the host reaches the coordinator; null: as the coordinator's own settings say. Goes into the package. */
const network = {
  proxy: ProxyUrlSchema.nullable().default(null),
  /** PEM, trusted beside what the host trusts already. */
  ca: CaPemSchema.nullable().default(null),
};

export const NewSshInstallSchema = z.strictObject({
  host: HostSchema,
  port: PortSchema.default(22),
  user: lineSchema('User', 100),
  auth: SshSignInSchema,
  /** `system`: a service of the whole host, as root or with sudo. `user`: of this user alone, without root. */
  mode: z.enum(['system', 'user'], 'Mode is system or user.').default('system'),
  name: ServiceNameSchema.default(DEFAULT_SERVICE_NAME),
  /** For sudo; null: the one that signs in, if it is a password. */
  sudoPassword: secretSchema('Password for sudo').nullable().default(null),
  /** false: it is installed and left stopped. */
  start: z.boolean('start must be true or false.').default(true),
  /** The host key that is expected, when somebody compared it already: it is then confirmed by this. */
  hostKey: HostKeyFingerprintSchema.nullable().default(null),
  ...network,
});
export type NewSshInstall = z.input<typeof NewSshInstallSchema>;

export const NewLocalInstallSchema = z.strictObject({
  name: ServiceNameSchema.default(DEFAULT_SERVICE_NAME),
  start: z.boolean('start must be true or false.').default(true),
  ...network,
});

export type NewLocalInstall = z.input<typeof NewLocalInstallSchema>;

export const SshHostKeySchema = z
  .object({
    /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, … */
    type: z.string(),
    fingerprint: HostKeyFingerprintSchema,
  })
  .meta({ id: 'SshHostKey' });
export type SshHostKey = z.infer<typeof SshHostKeySchema>;

export const SshStepSchema = z
  .object({
    step: SshStepNameSchema,
    /** `left`: it ended without this step having been needed or possible. */
    state: z.enum(['waiting', 'running', 'done', 'failed', 'left']),
    /** What it does or found, for a person. */
    detail: z.string(),
    /** Bytes, where they can be counted. */
    progress: z.object({ done: z.number().int(), total: z.number().int() }).nullable(),
  })
  .meta({ id: 'SshStep' });
export type SshStep = z.infer<typeof SshStepSchema>;

/** More than any host asks at once. */
const MOST_QUESTIONS = 10;

/** What a host asks who signs in (keyboard-interactive, RFC 4256): a code, a new password. */
export const SshQuestionsSchema = z
  .object({
    id: IdSchema,
    /** The host's own words, which may be empty. */
    title: z.string(),
    instructions: z.string(),
    questions: z.array(
      z.object({
        text: z.string(),
        /** Whether the answer may be seen while it is typed. */
        visible: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'SshQuestions' });
export type SshQuestions = z.infer<typeof SshQuestionsSchema>;

/** Answers to the questions of one {@link SshQuestionsSchema}, in their order. */
export const SshAnswersSchema = z.strictObject({
  /** The questions that these are for; they must still be the ones that are waited for. */
  questions: IdSchema,
  answers: z
    .array(secretSchema('An answer'))
    .min(1, 'Answers are required.')
    .max(MOST_QUESTIONS, `There are at most ${MOST_QUESTIONS} questions.`),
});

export const SshInstallSchema = z
  .object({
    id: IdSchema,
    runner: IdSchema,
    /** What connects to the host: the coordinator, or the computer that a desktop console runs on. */
    from: z.enum(['coordinator', 'console']),
    /** `here`: on the computer of `from` itself, without SSH. */
    where: z.enum(['ssh', 'here']),
    /** Host, port and user of the sign-in; here its name, 0, and the user of `from` there. */
    host: z.string(),
    port: z.number().int(),
    user: z.string(),
    mode: z.enum(['system', 'user']),
    name: z.string(),
    state: z.enum(['running', 'waiting-for-host-key', 'waiting-for-answers', 'succeeded', 'failed']),
    /** Who started it. */
    by: z.string(),
    startedAt: TimeSchema,
    endedAt: TimeSchema.nullable(),
    platform: PlatformTargetSchema.nullable(),
    /** What the host presented; to be confirmed while the state says so. */
    hostKey: SshHostKeySchema.nullable(),
    /** The other key that is known for this host, when what it presented was refused for that. */
    knownHostKey: SshHostKeySchema.extend({ id: IdSchema }).nullable(),
    /** What the host asks, while the state says so. */
    questions: SshQuestionsSchema.nullable(),
    steps: z.array(SshStepSchema),
    /** The last lines that the installation printed on the host. */
    output: z.array(z.string()),
    problem: ProblemSchema.nullable(),
  })
  .meta({ id: 'SshInstall' });
export type SshInstall = z.infer<typeof SshInstallSchema>;

/** A host key that somebody confirmed. */
export const KnownHostKeySchema = SshHostKeySchema.extend({
  id: IdSchema,
  host: z.string(),
  port: z.number().int(),
  confirmedAt: TimeSchema,
  confirmedBy: z.string(),
}).meta({ id: 'KnownHostKey' });
export type KnownHostKey = z.infer<typeof KnownHostKeySchema>;

const byId = z.object({ id: IdSchema });

export const sshInstallRoutes = {
  startSshInstall: route({
    method: 'POST',
    path: '/runners/{id}/ssh-installs',
    summary:
      'Install this Runner on a host over SSH; passwords and keys are kept in memory while it runs, nowhere else',
    access: 'admin',
    params: byId,
    body: NewSshInstallSchema,
    secretBody: true,
    status: 202,
    answer: SshInstallSchema,
  }),
  installHere: route({
    method: 'POST',
    path: '/runners/{id}/local-install',
    summary:
      'Run this Runner on the computer of an embedded coordinator, for its user alone; watched like one over SSH',
    access: 'admin',
    params: byId,
    body: NewLocalInstallSchema,
    // A proxy's address may hold a password.
    secretBody: true,
    status: 202,
    answer: SshInstallSchema,
  }),
  listSshInstalls: route({
    method: 'GET',
    path: '/runners/{id}/ssh-installs',
    summary: 'Installations of this Runner, over SSH and here, since the coordinator was started, newest first',
    access: 'admin',
    params: byId,
    status: 200,
    answer: z.object({ items: z.array(SshInstallSchema) }),
  }),
  getSshInstall: route({
    method: 'GET',
    path: '/ssh-installs/{id}',
    summary: 'One installation over SSH: its steps, what it printed, and how it ended',
    access: 'admin',
    params: byId,
    status: 200,
    answer: SshInstallSchema,
  }),
  answerHostKey: route({
    method: 'POST',
    path: '/ssh-installs/{id}/host-key',
    summary: 'Confirm or refuse the host key that this installation waits for',
    access: 'admin',
    params: byId,
    body: z.strictObject({
      accept: z.boolean('accept must be true or false.'),
      /** The key that was compared; it must still be the one that is waited for. */
      fingerprint: HostKeyFingerprintSchema,
    }),
    status: 200,
    answer: SshInstallSchema,
  }),
  answerSshQuestions: route({
    method: 'POST',
    path: '/ssh-installs/{id}/answers',
    summary:
      'Answer what the host asks who signs in, while this installation waits for it; the answers are kept nowhere',
    access: 'admin',
    params: byId,
    body: SshAnswersSchema,
    secretBody: true,
    status: 200,
    answer: SshInstallSchema,
  }),
  cancelSshInstall: route({
    method: 'DELETE',
    path: '/ssh-installs/{id}',
    summary: 'Cancel an installation that runs; forget one that has ended',
    access: 'admin',
    params: byId,
    status: 204,
  }),
  listHostKeys: route({
    method: 'GET',
    path: '/ssh-host-keys',
    summary: 'Host keys that were confirmed',
    access: 'admin',
    status: 200,
    answer: z.object({ items: z.array(KnownHostKeySchema) }),
  }),
  forgetHostKey: route({
    method: 'DELETE',
    path: '/ssh-host-keys/{id}',
    summary: 'Forget a host key: the next installation there asks again',
    access: 'admin',
    params: byId,
    status: 204,
  }),
} as const;
