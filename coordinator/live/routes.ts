import { ROUTES } from '../../protocol/api/routes.ts';
import type { Serve } from '../http/call.ts';
import type { LiveHub } from './live-hub.ts';

export function serveLive(serve: Serve, hub: LiveHub): void {
  serve(ROUTES.live, () => ({
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // Proxies that gather answers would turn live into late.
      'x-accel-buffering': 'no',
    },
    body: hub.subscribe(),
  }));
}
