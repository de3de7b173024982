import { useQuery } from '@tanstack/react-query';
import type { Me } from '../../protocol/api/identity.ts';
import { OFFLINE_REASON, useOnline } from './connection-store.ts';
import { sessionQueries } from './session-queries.ts';

/** Whether the signed-in person may do this kind of thing. */
export function useMay(what: Me['may'][number]): boolean {
  const me = useQuery(sessionQueries.me());
  return me.data?.may.includes(what) ?? false;
}

/** Why an action cannot be offered now, for a person; null when it can. */
export function useBlocked(needs: Me['may'][number]): string | null {
  const online = useOnline();
  const may = useMay(needs);
  if (!online) return OFFLINE_REASON;
  return may ? null : 'You may not do this. Ask an administrator for the permission.';
}
