import { route } from '../../protocol/api/route.ts';
import { ROUTES } from '../../protocol/api/routes.ts';
import type { Clock } from '../../protocol/clock.ts';
import { TRUST_PATH, TrustAnnouncementSchema } from '../../protocol/trust.ts';
import type { ApiServer } from '../http/api-server.ts';
import { RateLimit } from '../http/rate-limit.ts';
import type { AnnouncedTrust } from './announced-trust.ts';
import type { Trust } from './trust.ts';

/** From one address: a whole network may be behind it, each of whose agents asks once and then again with back-off. */
const ASKED = { burst: 300, refillMs: 100 };

const announcementRow = route({
  method: 'GET',
  path: TRUST_PATH,
  summary: 'Keys and authorities of this coordinator, for agents that do not believe its certificate (yet)',
  access: 'anyone',
  status: 200,
  answer: TrustAnnouncementSchema,
});

export interface TrustRoutesDeps {
  readonly clock: Clock;
  readonly trust: Trust;
  readonly announced: AnnouncedTrust;
}

/** The calls of the console, and the one of agents. */
export function serveTrust(
  api: Pick<ApiServer, 'serve' | 'serveAt'>,
  { clock, trust, announced }: TrustRoutesDeps,
): void {
  const limit = new RateLimit(clock, ASKED);
  api.serve(ROUTES.getTrust, () => trust.view());
  api.serve(ROUTES.rotateKey, (_input, { caller }) => trust.rotate(caller.account.name));
  api.serve(ROUTES.retireKey, ({ body }, { caller }) => trust.retire(body.leaveBehind, caller.account.name));
  api.serveAt(TRUST_PATH, announcementRow, (_input, { address, setHeader }) => {
    limit.take(address);
    setHeader('cache-control', 'no-store');
    return announced.announcement;
  });
}
