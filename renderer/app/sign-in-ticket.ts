const PREFIX = '#ticket=';

interface Place {
  readonly hash: string;
  readonly pathname: string;
  readonly search: string;
}

/**
 * Takes the one-time ticket out of the address (`…#ticket=<ticket>`), so that it is neither in the history nor in a
 * bookmark. A fragment is never sent to a server. Null when there is none.
 */
export function takeTicket(
  place: Place,
  history: { replaceState(state: unknown, unused: string, url: string): void },
): string | null {
  if (!place.hash.startsWith(PREFIX)) return null;
  // First: the page's own location forgets the fragment with the next line.
  const ticket = decodeURIComponent(place.hash.slice(PREFIX.length));
  history.replaceState(null, '', place.pathname + place.search);
  return ticket || null;
}
