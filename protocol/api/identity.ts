import { z } from 'zod';
import { IdSchema, lineSchema, pageOf, TimeSchema } from '../fields.ts';
import { PublicKeySchema } from '../trust-fields.ts';
import { route } from './route.ts';

/** Signing in, who I am, and API tokens. */

export const RoleSchema = z.enum(['owner', 'admin']).meta({ id: 'Role' });

export const UserSchema = z.object({ id: IdSchema, name: z.string(), role: RoleSchema }).meta({ id: 'User' });
export type User = z.infer<typeof UserSchema>;

/**
 * `carrier`: `cookie` (default) sets an HttpOnly cookie and returns no secret; `bearer` returns the token in the body, for
 * the desktop console's main process and for scripts.
 */
export const SignInSchema = z.union(
  [
    z.strictObject({
      ticket: z.string().min(1, 'ticket is required.').max(200),
      carrier: z.enum(['cookie', 'bearer']).default('cookie'),
    }),
    z.strictObject({
      name: z.string().min(1, 'name is required.').max(100),
      password: z.string().min(1, 'password is required.').max(1000),
      carrier: z.enum(['cookie', 'bearer']).default('cookie'),
    }),
  ],
  'Send either a ticket, or name and password.',
);

export const SessionSchema = z
  .object({ user: UserSchema, expiresAt: TimeSchema, csrf: z.string(), token: z.string().nullable() })
  .meta({ id: 'Session' });

export const MeSchema = z
  .object({
    user: UserSchema,
    /** Send it as `X-Outrunner-CSRF` with every write of a cookie session; null for bearer tokens, which need none. */
    csrf: z.string().nullable(),
    may: z.array(z.enum(['read', 'run', 'manage'])),
    coordinator: z.object({
      id: IdSchema,
      version: z.string(),
      protocol: z.number().int(),
      /** The key that Runners pin: shown to people who want to compare it. */
      publicKey: PublicKeySchema,
      embedded: z.boolean(),
      url: z.string(),
      time: TimeSchema,
    }),
  })
  .meta({ id: 'Me' });
export type Me = z.infer<typeof MeSchema>;

export const TokenSchema = z
  .object({
    id: IdSchema,
    name: z.string(),
    scope: z.enum(['read', 'full']),
    createdAt: TimeSchema,
    expiresAt: TimeSchema.nullable(),
    lastUsedAt: TimeSchema.nullable(),
    /** The first characters, to recognise it by. */
    hint: z.string(),
  })
  .meta({ id: 'Token' });
export type Token = z.infer<typeof TokenSchema>;

export const NewTokenSchema = z.strictObject({
  name: lineSchema('Name', 100),
  /** `read`: GET only. */
  scope: z.enum(['read', 'full'], 'Scope is read or full.').default('full'),
  /** Days until it expires; null: never. */
  expiresInDays: z
    .number('Days must be a number.')
    .int()
    .min(1, 'At least 1 day.')
    .max(3650, 'At most 3650 days.')
    .nullable()
    .default(90),
});

const tokenParams = z.object({ id: IdSchema });

export const identityRoutes = {
  health: route({
    method: 'GET',
    path: '/health',
    summary: 'Whether the coordinator is alive; needs no authentication',
    access: 'anyone',
    status: 200,
    answer: z.object({ status: z.literal('ok'), version: z.string(), time: TimeSchema, uptimeSeconds: z.number() }),
  }),
  signIn: route({
    method: 'POST',
    path: '/session',
    summary: 'Sign in',
    access: 'anyone',
    body: SignInSchema,
    status: 200,
    answer: SessionSchema,
  }),
  signOut: route({ method: 'DELETE', path: '/session', summary: 'Sign out', access: 'user', status: 204 }),
  createSignInLink: route({
    method: 'POST',
    path: '/session/links',
    summary: 'Make a one-time ticket that signs the caller in elsewhere within five minutes',
    access: 'user',
    status: 201,
    answer: z.object({ ticket: z.string(), expiresAt: TimeSchema }),
  }),
  me: route({
    method: 'GET',
    path: '/me',
    summary: 'Who am I and what may I do',
    access: 'user',
    status: 200,
    answer: MeSchema,
  }),
  listTokens: route({
    method: 'GET',
    path: '/tokens',
    summary: "The caller's API tokens",
    access: 'user',
    status: 200,
    answer: pageOf(TokenSchema),
  }),
  createToken: route({
    method: 'POST',
    path: '/tokens',
    summary: 'Create an API token; the secret is shown once',
    access: 'user',
    body: NewTokenSchema,
    status: 201,
    answer: z.object({ token: TokenSchema, secret: z.string() }),
  }),
  deleteToken: route({
    method: 'DELETE',
    path: '/tokens/{id}',
    summary: 'Revoke an API token',
    access: 'user',
    params: tokenParams,
    status: 204,
  }),
} as const;
