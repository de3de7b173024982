import { mutationOptions, queryOptions } from '@tanstack/react-query';
import type { NewSshInstall, SshInstall } from '../../protocol/api/ssh-installs.ts';
import { call } from './api-client.ts';

export const sshInstallKeys = {
  all: ['ssh-installs'] as const,
  lists: ['ssh-installs', 'list'] as const,
  list: (runner: string) => ['ssh-installs', 'list', runner] as const,
  detail: (id: string) => ['ssh-installs', 'detail', id] as const,
};

export const sshInstallQueries = {
  /** Installations of one Runner over SSH, newest first. */
  list: (runner: string) =>
    queryOptions({
      queryKey: sshInstallKeys.list(runner),
      queryFn: async ({ signal }): Promise<SshInstall[]> =>
        (await call('listSshInstalls', { params: { id: runner } }, { signal })).items,
      // A coordinator that was started anew knows none of the earlier ones, and nobody says so.
      staleTime: 0,
    }),
  detail: (id: string) =>
    queryOptions({
      queryKey: sshInstallKeys.detail(id),
      queryFn: ({ signal }) => call('getSshInstall', { params: { id } }, { signal }),
    }),
};

export const sshInstallMutations = {
  start: () =>
    mutationOptions({
      mutationFn: ({ runner, install }: { runner: string; install: NewSshInstall }) =>
        call('startSshInstall', { params: { id: runner }, body: install }),
      // What is asked for holds passwords and keys: it is forgotten with the form.
      gcTime: 0,
      onSuccess: (install, _input, _result, { client }) => {
        client.setQueryData<SshInstall>(sshInstallKeys.detail(install.id), (known) => known ?? install);
      },
    }),
  startHere: () =>
    mutationOptions({
      mutationFn: (runner: string) => call('installHere', { params: { id: runner }, body: {} }),
      onSuccess: (install, _input, _result, { client }) => {
        client.setQueryData<SshInstall>(sshInstallKeys.detail(install.id), (known) => known ?? install);
      },
    }),
  answerHostKey: () =>
    mutationOptions({
      mutationFn: ({ id, ...body }: { id: string; accept: boolean; fingerprint: string }) =>
        call('answerHostKey', { params: { id }, body }),
    }),
  cancel: () => mutationOptions({ mutationFn: (id: string) => call('cancelSshInstall', { params: { id } }) }),
  forgetHostKey: () => mutationOptions({ mutationFn: (id: string) => call('forgetHostKey', { params: { id } }) }),
};
