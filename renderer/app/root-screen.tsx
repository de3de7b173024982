import { Center, Loader, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Outlet, rootRouteId, useRouteContext } from '@tanstack/react-router';
import { asOutrunnerError } from '../api/coordinator-error.ts';
import { sessionQueries } from '../api/session-queries.ts';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { CoordinatorPicker } from './coordinator-picker.tsx';
import { Frame } from './frame.tsx';
import { Mark } from './mark.tsx';
import { SignInScreen } from './sign-in-screen.tsx';

const UNREACHABLE_RETRY_MS = 3_000;

/** Nothing is shown before it is known who looks: the frame with the screens, or the sign-in. */
export function RootScreen() {
  const { refusal } = useRouteContext({ from: rootRouteId });
  const me = useQuery({
    ...sessionQueries.me(),
    refetchInterval: ({ state }) =>
      state.error && asOutrunnerError(state.error).code === 'coordinator-unreachable' ? UNREACHABLE_RETRY_MS : false,
  });
  if (me.data) {
    return (
      <Frame me={me.data}>
        <Outlet />
      </Frame>
    );
  }
  if (me.error) {
    const { code } = asOutrunnerError(me.error);
    if (code === 'sign-in-needed' || code === 'token-unknown') return <SignInScreen refusal={refusal} />;
    return (
      <Center h="100%" p="lg" component="main">
        <Stack maw={520} w="100%">
          <Mark />
          <ProblemAlert error={me.error} onRetry={() => void me.refetch()} />
          <CoordinatorPicker />
        </Stack>
      </Center>
    );
  }
  return (
    <Center h="100%" component="main" aria-busy="true">
      <Loader aria-label="Loading" />
    </Center>
  );
}
