import type { QueryClient } from '@tanstack/react-query';
import type { Host } from '../host/host.ts';

/** What the routes know of their surroundings. */
export interface AppContext {
  readonly queryClient: QueryClient;
  readonly host: Host;
  /** Why the sign-in link of the address was refused; null when there was none or it worked. */
  readonly refusal: unknown;
}
