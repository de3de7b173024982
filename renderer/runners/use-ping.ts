import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import type { Runner } from '../../protocol/api/runners.ts';
import { asOutrunnerError } from '../api/coordinator-error.ts';
import { runnerMutations } from '../api/runner-queries.ts';

/** Milliseconds as a round trip is read: one decimal below ten. */
export function roundTripText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Pings a Runner and shows how it goes in one toast: waiting, the round trip, or that nothing came back. */
export function usePing(runner: Pick<Runner, 'id' | 'name'>): { start: () => void; pending: boolean } {
  const ping = useMutation(runnerMutations.ping());
  const start = () => {
    const id = notifications.show({
      title: `Ping ${runner.name}`,
      message: 'Waiting for its answer…',
      loading: true,
      autoClose: false,
    });
    ping.mutate(runner.id, {
      onSuccess: ({ roundTripMs }) =>
        notifications.update({
          id,
          message: `It answered in ${roundTripText(roundTripMs)}.`,
          color: 'green',
          loading: false,
          autoClose: 6000,
        }),
      onError: (error) => {
        const { message, todo } = asOutrunnerError(error);
        notifications.update({ id, message: `${message} ${todo}`, color: 'red', loading: false, autoClose: false });
      },
    });
  };
  return { start, pending: ping.isPending };
}
