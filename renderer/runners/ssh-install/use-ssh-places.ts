import { useQuery } from '@tanstack/react-query';
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
