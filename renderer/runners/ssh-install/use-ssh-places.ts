import { useQuery } from '@tanstack/react-query';
import type { SshInstall } from '../../../protocol/api/ssh-installs.ts';
import { sessionQueries } from '../../api/session-queries.ts';
import { coordinatorSshInstalls, type SshPlaces } from '../../api/ssh-install-port.ts';
import { useHost } from '../../host/host-context.tsx';

/** From where Runners can be installed over SSH: the coordinator, and this computer where that is another one. */
export function useSshPlaces(): SshPlaces {
  const { sshInstalls } = useHost();
  const me = useQuery(sessionQueries.me());
  const isElsewhere = me.data?.coordinator.embedded === false;
  return { coordinator: coordinatorSshInstalls, console: isElsewhere ? sshInstalls : null };
}

/** Who installs on this computer itself: the coordinator that is on it, or the desktop console. Null: nobody can, or it is not known yet. */
export function useHerePlace(): SshInstall['from'] | null {
  const host = useHost();
  const me = useQuery(sessionQueries.me());
  if (me.data === undefined) return null;
  if (me.data.coordinator.embedded) return 'coordinator';
  return host.sshInstalls === null ? null : 'console';
}
