/**
 * Who may speak to a coordinator from a browser. Pure decisions over the Host and Origin headers.
 *
 * A page on the internet can give its own name the address 127.0.0.1 (DNS rebinding) and then talk to a coordinator on
 * the visitor's computer as "same origin". Its requests carry its own name as Host: so on loopback only known names count.
 */

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** Whether an address to listen on is reachable from this host alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host) || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** The name in a Host header without its port, in lower case; null when it is no host. */
export function hostName(header: string | undefined): string | null {
  if (header === undefined) return null;
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:/?#@\s]+)(?::\d{1,5})?$/.exec(header);
  return match?.[1]?.toLowerCase() ?? null;
}

/** Whether a request that names `hostHeader` is meant for this coordinator. `publicUrl`: where people reach it. */
export function isHostAllowed(
  hostHeader: string | undefined,
  coordinator: { readonly listensOn: string; readonly publicUrl: string },
): boolean {
  if (!isLoopback(coordinator.listensOn)) return true;
  const name = hostName(hostHeader);
  if (name === null) return false;
  return isLoopback(name) || name === new URL(coordinator.publicUrl).hostname.toLowerCase();
}

/**
 * Whether a write that carries a cookie comes from a page of this coordinator. Browsers always send Origin with writes;
 * what sends none is no browser and still has to know the CSRF token.
 */
export function isOriginAllowed(
  origin: string | undefined,
  hostHeader: string | undefined,
  coordinator: { readonly publicUrl: string; readonly secure: boolean },
): boolean {
  if (origin === undefined) return true;
  if (origin === new URL(coordinator.publicUrl).origin) return true;
  return (
    hostHeader !== undefined &&
    origin.toLowerCase() === `http${coordinator.secure ? 's' : ''}://${hostHeader.toLowerCase()}`
  );
}
