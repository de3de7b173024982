import { ROUTES } from '../../protocol/api/routes.ts';
import type { Clock } from '../../protocol/clock.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { PRODUCT_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { CallContext, Caller, Serve } from '../http/call.ts';
import { RateLimit } from '../http/rate-limit.ts';
import { readSessionCookie, sessionCookie } from '../http/session-cookie.ts';
import type { Live } from '../live/live.ts';
import { isoTime } from '../store/stored-forms.ts';
import { createSignInLink, type IdentityDeps, type NewSession, signIn } from './sign-in.ts';
import { createToken, deleteToken, listTokens } from './tokens.ts';

export interface IdentityRoutesDeps extends IdentityDeps {
  readonly live: Live;
  readonly coordinator: {
    readonly id: string;
    readonly embedded: boolean;
    publicKey(): string;
    url(): string;
  };
}

/** Guesses of a password from one address, and of the password of one name from everywhere. */
const PASSWORD_GUESSES = { burst: 10, refillMs: 10_000 };
/** Tickets cannot be guessed; this only bounds the work that trying makes. */
const TICKET_TRIES = { burst: 100, refillMs: 500 };

export function serveIdentity(serve: Serve, deps: IdentityRoutesDeps): void {
  const { clock, store, live } = deps;
  const limits = signInLimits(clock);
  const startedAt = clock.monotonic();

  serve(ROUTES.health, () => ({
    status: 'ok' as const,
    version: PRODUCT_VERSION,
    time: isoTime(clock.now()),
    uptimeSeconds: Math.round((clock.monotonic() - startedAt) / 1000),
  }));

  serve(ROUTES.signIn, async ({ body }, context) => {
    limits.take(body, context.address);
    const session = await signIn(deps, body, body.carrier, readSessionCookie(context.headers.cookie));
    limits.forgive(body, context.address);
    if (body.carrier === 'cookie') setCookie(context, session.secret, deps.sessionLifetimeMs);
    return sessionView(session, body.carrier);
  });

  serve(ROUTES.signOut, async (_input, context) => {
    const { credential, credentialId } = context.caller;
    if (credential !== 'token')
      await store.write((tx) => tx.deleteFrom('session').where('id', '=', credentialId).execute());
    if (credential === 'cookie') setCookie(context, null, 0);
  });

  serve(ROUTES.createSignInLink, async (_input, { caller }) => {
    const { ticket, expiresAt } = await createSignInLink(deps, caller.account.id);
    return { ticket, expiresAt: isoTime(expiresAt) };
  });

  serve(ROUTES.me, (_input, { caller }) => ({
    user: userView(caller),
    csrf: caller.csrf,
    may: caller.scope === 'read' ? ['read' as const] : ['read' as const, 'run' as const, 'manage' as const],
    coordinator: {
      id: deps.coordinator.id,
      version: PRODUCT_VERSION,
      protocol: PROTOCOL_VERSION,
      publicKey: deps.coordinator.publicKey(),
      embedded: deps.coordinator.embedded,
      url: deps.coordinator.url(),
      time: isoTime(clock.now()),
    },
  }));

  serve(ROUTES.listTokens, async (_input, { caller }) => {
    const items = await listTokens(deps, caller.account.id);
    return { items, next: null, total: items.length };
  });

  serve(ROUTES.createToken, async ({ body }, { caller }) => {
    const made = await createToken(deps, caller.account.id, body);
    live.publish({ topic: 'token', action: 'created', id: made.token.id });
    return made;
  });

  serve(ROUTES.deleteToken, async ({ params }, { caller }) => {
    await deleteToken(deps, caller.account.id, params.id);
    live.publish({ topic: 'token', action: 'deleted', id: params.id });
  });
}

function signInLimits(clock: Clock) {
  const byAddress = new RateLimit(clock, PASSWORD_GUESSES);
  const byName = new RateLimit(clock, PASSWORD_GUESSES);
  const tickets = new RateLimit(clock, TICKET_TRIES);
  type Body = { ticket: string } | { name: string };
  return {
    take(body: Body, address: string): void {
      if ('ticket' in body) {
        tickets.take(address);
        return;
      }
      byAddress.take(address);
      byName.take(sameNameKey(body.name));
    },
    forgive(body: Body, address: string): void {
      if ('ticket' in body) {
        tickets.forgive(address);
        return;
      }
      byAddress.forgive(address);
      byName.forgive(sameNameKey(body.name));
    },
  };
}

function setCookie(context: CallContext, secret: string | null, lifetimeMs: number): void {
  context.setHeader('set-cookie', sessionCookie(secret, lifetimeMs / 1000, context.secure));
}

function sessionView({ account, secret, csrf, expiresAt }: NewSession, carrier: 'cookie' | 'bearer') {
  return {
    user: { id: account.id, name: account.name, role: account.role },
    expiresAt: isoTime(expiresAt),
    csrf,
    token: carrier === 'bearer' ? secret : null,
  };
}

function userView({ account }: Caller) {
  return { id: account.id, name: account.name, role: account.role };
}
