import { Select } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { ProfilePort } from '../host/host.ts';
import { useHost } from '../host/host-context.tsx';
import { profileMutations, profileQueries } from '../host/profile-queries.ts';
import { toastProblem } from '../ui/toast.tsx';

/** Changes over to another coordinator, also where the present one lets nobody in; only in the desktop console. */
export function CoordinatorPicker() {
  const { profiles } = useHost();
  return profiles === null ? null : <Picker port={profiles} />;
}

function Picker({ port }: { port: ProfilePort }) {
  const known = useQuery(profileQueries.list(port));
  const use = useMutation(profileMutations.use(port));
  if (known.data === undefined || known.data.profiles.length < 2) return null;
  return (
    <Select
      label="Coordinator"
      data={known.data.profiles.map(({ id, label }) => ({ value: id, label }))}
      value={known.data.active}
      disabled={use.isPending}
      onChange={(id) => {
        if (id === null) return;
        use.mutate(id, { onError: (error) => toastProblem('The coordinator could not be changed', error) });
      }}
    />
  );
}
