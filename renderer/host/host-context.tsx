import { createContext, type ReactNode, useContext } from 'react';
import type { Host } from './host.ts';

const HostContext = createContext<Host | null>(null);

export function HostProvider({ host, children }: { host: Host; children: ReactNode }) {
  return <HostContext value={host}>{children}</HostContext>;
}

/** The host that the page runs in. */
export function useHost(): Host {
  const host = useContext(HostContext);
  if (host === null) throw new Error('There is no HostProvider above this component.');
  return host;
}
