import { mutationOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { NewLocalInstall, NewSshInstall, SshInstall } from '../../protocol/api/ssh-installs.ts';
import { placeOf, type SshAnswers, type SshPlaces } from './ssh-install-port.ts';

type Place = SshInstall['from'];
/** Which installation is meant. */
export type WhichInstall = Pick<SshInstall, 'id' | 'from'>;

export const sshInstallKeys = {
  all: ['ssh-installs'] as const,
  lists: ['ssh-installs', 'list'] as const,
  list: (runner: string) => ['ssh-installs', 'list', runner] as const,
  detail: (id: string) => ['ssh-installs', 'detail', id] as const,
};

/** Brings what is new of an installation into the caches, wherever it was heard. */
export function keepSshInstall(client: QueryClient, install: SshInstall): void {
  const { id, runner } = install;
  // Kept also when nobody asked for it yet: the answer to its start may come after its first event.
  client.setQueryData<SshInstall>(sshInstallKeys.detail(id), install);
  client.setQueryData<SshInstall[]>(sshInstallKeys.list(runner), (list) =>
    list === undefined || list.some((one) => one.id === id)
      ? list?.map((one) => (one.id === id ? install : one))
      : [install, ...list],
  );
}

export const sshInstallQueries = {
  /** Installations of one Runner over SSH, from everywhere, newest first. */
  list: (places: SshPlaces, runner: string) =>
    queryOptions({
      queryKey: sshInstallKeys.list(runner),
      queryFn: async ({ signal }): Promise<SshInstall[]> => {
        const lists = await Promise.all([
          places.coordinator.list(runner, signal),
          places.console?.list(runner, signal) ?? [],
        ]);
        return lists.flat().toSorted((one, other) => other.startedAt.localeCompare(one.startedAt));
      },
      // A coordinator that was started anew knows none of the earlier ones, and nobody says so.
      staleTime: 0,
    }),
  detail: (places: SshPlaces, which: WhichInstall) =>
    queryOptions({
      queryKey: sshInstallKeys.detail(which.id),
      queryFn: ({ signal }) => placeOf(places, which).get(which.id, signal),
    }),
};

export const sshInstallMutations = {
  start: (places: SshPlaces) =>
    mutationOptions({
      mutationFn: ({ runner, install, from }: { runner: string; install: NewSshInstall; from: Place }) =>
        placeOf(places, { from }).start(runner, install),
      // What is asked for holds passwords and keys: it is forgotten with the form.
      gcTime: 0,
      onSuccess: (install, _input, _result, { client }) => {
        client.setQueryData<SshInstall>(sshInstallKeys.detail(install.id), (known) => known ?? install);
      },
    }),
  startHere: (places: SshPlaces) =>
    mutationOptions({
      mutationFn: ({ runner, install, from }: { runner: string; install: NewLocalInstall; from: Place }) =>
        placeOf(places, { from }).startHere(runner, install),
      gcTime: 0,
      onSuccess: (install, _input, _result, { client }) => {
        client.setQueryData<SshInstall>(sshInstallKeys.detail(install.id), (known) => known ?? install);
      },
    }),
  answerHostKey: (places: SshPlaces, which: WhichInstall) =>
    mutationOptions({
      mutationFn: ({ accept, fingerprint }: { accept: boolean; fingerprint: string }) =>
        placeOf(places, which).answerHostKey(which.id, fingerprint, accept),
    }),
  answerQuestions: (places: SshPlaces, which: WhichInstall) =>
    mutationOptions({
      mutationFn: (answers: SshAnswers) => placeOf(places, which).answerQuestions(which.id, answers),
      // Answers are secrets, too.
      gcTime: 0,
    }),
  cancel: (places: SshPlaces, which: WhichInstall) =>
    mutationOptions({ mutationFn: () => placeOf(places, which).cancel(which.id) }),
  forgetHostKey: (places: SshPlaces, which: WhichInstall) =>
    mutationOptions({ mutationFn: (key: string) => placeOf(places, which).forgetHostKey(key) }),
};
