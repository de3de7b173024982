import { z } from 'zod';
import { IdSchema, lineSchema } from './fields.ts';
import { ProblemSchema } from './problems.ts';
import { HeldTrustSchema, SuccessionSchema, ToldTrustSchema, TrustAnnouncementSchema } from './trust.ts';
import { CaPemSchema, PublicKeySchema, SignatureSchema } from './trust-fields.ts';

/** How a replica comes to be: the package's configuration, the enrolment call, and the identity that stays on the host. */

export const PLATFORM_TARGETS = ['linux-x64', 'linux-arm64', 'win-x64', 'macos-arm64', 'macos-x64'] as const;
export const PlatformTargetSchema = z
  .enum(PLATFORM_TARGETS, 'Platform must be one of linux-x64, linux-arm64, win-x64, macos-arm64, macos-x64.')
  .meta({ id: 'PlatformTarget' });
export type PlatformTarget = z.infer<typeof PlatformTargetSchema>;

export const ENROLMENT_TOKEN_PREFIX = 'ore_';
export const EnrolmentTokenSchema = z.string().regex(/^ore_[A-Za-z0-9_-]{43}$/, 'This is not an enrolment token.');

/** `http://` is for loopback alone; both ends check. The path must be empty. */
export const CoordinatorUrlSchema = z
  .string()
  .regex(/^https?:\/\/[^/?#\s]+\/?$/, 'The coordinator address must be like https://host:port.');

/** `runner.json`: what lies beside the executable in a package (mode 0600). */
export const RunnerConfigSchema = z.object({
  version: z.literal(1),
  coordinator: z.object({
    url: CoordinatorUrlSchema,
    publicKey: PublicKeySchema,
    /** How this key came to be the coordinator's: by it, whoever believes an earlier one knows that it is the same coordinator. */
    succession: SuccessionSchema.optional(),
    /**
     * SHA-256 in hex of the coordinator's own authorities. When `ca` is that very text, later authorities of the coordinator
     * take its place; any other `ca` belongs to the host's network, and stays.
     */
    authoritiesSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  }),
  runner: z.object({ id: IdSchema, name: z.string() }),
  enrolment: z.object({ token: EnrolmentTokenSchema, expiresAt: z.string() }).optional(),
  /** `http://[user:password@]host:port`, or `socks5://…`; absent: HTTPS_PROXY / NO_PROXY of the environment. */
  proxy: z.string().optional(),
  /** How it connects; absent: `auto`, which is WebSocket, and long polling where that does not get through. */
  transport: z.enum(['auto', 'websocket', 'polling'], 'This must be auto, websocket or polling.').optional(),
  /** Certificates in PEM of a private authority, beside the system's own. */
  ca: z.string().optional(),
});
export type RunnerConfig = z.infer<typeof RunnerConfigSchema>;

export const HostFactsSchema = z.object({
  hostname: z.string().max(255),
  /** `linux`, `windows`, `macos`. */
  os: z.enum(['linux', 'windows', 'macos']),
  osVersion: z.string().max(200),
  arch: z.enum(['x64', 'arm64']),
  user: z.string().max(200),
  pid: z.number().int(),
  agentVersion: z.string().max(50),
  installPath: z.string().max(1000),
});
export type HostFacts = z.infer<typeof HostFactsSchema>;

/** `POST /runner/v1/enrol`: the agent's own fresh public keys in exchange for the single-use token. */
export const EnrolRequestSchema = z.object({
  protocol: z.number().int(),
  runner: IdSchema,
  token: EnrolmentTokenSchema,
  signingKey: PublicKeySchema,
  sealingKey: PublicKeySchema,
  /** Proof that the agent holds the signing key: signature over {@link enrolmentProof}. */
  proof: SignatureSchema,
  host: HostFactsSchema,
  /** What it believes. Absent: an agent that pins one key for good. */
  trust: ToldTrustSchema.optional(),
});
export type EnrolRequest = z.infer<typeof EnrolRequestSchema>;

export const EnrolResponseSchema = z.object({
  replica: IdSchema,
  runner: z.object({ id: IdSchema, name: z.string() }),
  coordinatorPublicKey: PublicKeySchema,
  /** The coordinator's signature over the enrolment, so that the agent knows who answered: see {@link enrolmentAnswer}. */
  signature: SignatureSchema,
  /** When there is something that the agent does not know yet; to be weighed before the signature is checked. */
  trust: TrustAnnouncementSchema.optional(),
});

/** The text whose signature proves possession of the signing key at enrolment. */
export function enrolmentProof(request: Pick<EnrolRequest, 'runner' | 'token' | 'signingKey' | 'sealingKey'>): string {
  return `outrunner-enrol-v1\n${request.runner}\n${request.token}\n${request.signingKey}\n${request.sealingKey}`;
}

/** The text that the coordinator signs in its answer to an enrolment. */
export function enrolmentAnswer(replica: string, request: Pick<EnrolRequest, 'runner' | 'signingKey'>): string {
  return `outrunner-enrolled-v1\n${replica}\n${request.runner}\n${request.signingKey}`;
}

/** `identity.json` in the agent's state folder (0600): who this replica is. The private keys never leave the host. */
export const IdentitySchema = z.object({
  version: z.literal(1),
  replica: IdSchema,
  runner: z.object({ id: IdSchema, name: lineSchema('Name', 100) }),
  coordinator: z.object({ url: CoordinatorUrlSchema, publicKey: PublicKeySchema }),
  /** PKCS#8 in PEM. */
  signingKey: z.string(),
  sealingKey: z.string(),
  enrolledAt: z.string(),
  /** Absent: it believes the key above. When present, the key above is the newest of it. */
  trust: HeldTrustSchema.optional(),
  /** Authorities that an earlier statement named, taken until those of `trust` alone are shown to be enough. */
  keptAuthorities: CaPemSchema.optional(),
});
export type Identity = z.infer<typeof IdentitySchema>;

/** Why the coordinator turned an agent away lately; the wizard shows it. */
export const RefusalSchema = z
  .object({
    at: z.string(),
    code: z.string(),
    detail: z.string(),
    address: z.string(),
    problem: ProblemSchema.optional(),
  })
  .meta({ id: 'Refusal' });
export type Refusal = z.infer<typeof RefusalSchema>;

/**
 * Seconds that whatever keeps an agent running (a service manager, Docker, Kubernetes) waits for it after it was told to stop,
 * before everything is ended: more than the agent takes to let steps finish, to stop the others and to report.
 */
export const STOP_SECONDS = 90;

/** Exit codes of the agent: documented, so that a script or a service can act on them. */
export const AGENT_EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** The configuration cannot be read or is wrong. */
  configuration: 10,
  /** The enrolment was refused (token used, expired, revoked, unknown, or for another Runner). */
  enrolmentRefused: 11,
  /** The identity was revoked or is unknown: the agent must be downloaded again. */
  identityRefused: 12,
  /** Who answered the enrolment does not hold the key of `runner.json`. Once it is enrolled, an agent waits for its coordinator. */
  coordinatorNotTrusted: 13,
  /** The two ends do not speak the same protocol version. */
  protocolUnsupported: 14,
  /** `doctor` found something wrong. */
  doctorFailed: 20,
  /** A step of `service …` failed; what it had changed was taken back. */
  serviceFailed: 30,
  /** The service cannot be installed like this (rights, a name that is taken, another Runner); nothing was changed. */
  serviceRefused: 31,
  /** The files are in place, and there is nothing on this host that starts them. */
  serviceNotStarted: 32,
  /** The service runs, and the agent is not connected. */
  serviceNotConnected: 33,
  /** `service status`: it does not run. */
  serviceStopped: 34,
  /** There is no such service. */
  serviceAbsent: 35,
} as const;
