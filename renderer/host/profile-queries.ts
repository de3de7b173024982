import { mutationOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { ProfilePort, Profiles } from './host.ts';

const KEY = ['profiles'] as const;

/** Another coordinator, another session: nothing that the last one said is true of it. */
async function changeOver(client: QueryClient, profiles: Profiles): Promise<void> {
  client.setQueryData(KEY, profiles);
  await client.resetQueries({ predicate: ({ queryKey }) => queryKey[0] !== KEY[0] });
}

/** The coordinators that the desktop console knows. */
export const profileQueries = {
  list: (port: ProfilePort) => queryOptions({ queryKey: KEY, queryFn: (): Promise<Profiles> => port.list() }),
};

export const profileMutations = {
  use: (port: ProfilePort) =>
    mutationOptions({
      mutationFn: (id: string) => port.use(id),
      onSuccess: (profiles, _id, _result, { client }) => changeOver(client, profiles),
    }),
  add: (port: ProfilePort) =>
    mutationOptions({
      mutationFn: ({ url, label }: { url: string; label: string }) => port.add(url, label),
      onSuccess: (profiles, _input, _result, { client }) => changeOver(client, profiles),
    }),
  remove: (port: ProfilePort) =>
    mutationOptions({
      mutationFn: (id: string) => port.remove(id),
      onSuccess: (profiles, _id, _result, { client }) => changeOver(client, profiles),
    }),
};
