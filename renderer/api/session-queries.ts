import { mutationOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type { SignInSchema } from '../../protocol/api/identity.ts';
import { call } from './api-client.ts';

/** Who is signed in. Everything else waits for it: its answer carries the CSRF value that writes need. */
export const sessionQueries = {
  me: () =>
    queryOptions({
      queryKey: ['me'],
      queryFn: ({ signal }) => call('me', {}, { signal }),
      staleTime: Number.POSITIVE_INFINITY,
    }),
  health: () => queryOptions({ queryKey: ['health'], queryFn: ({ signal }) => call('health', {}, { signal }) }),
};

/** Forgets what the last person saw and asks again who is signed in. */
async function startOver(client: QueryClient): Promise<void> {
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' });
  await client.resetQueries({ queryKey: ['me'] });
}

export const sessionMutations = {
  signIn: () =>
    mutationOptions({
      mutationFn: (body: z.input<typeof SignInSchema>) => call('signIn', { body }),
      onSuccess: (_session, _body, _result, { client }) => startOver(client),
    }),
  signOut: () =>
    mutationOptions({
      mutationFn: () => call('signOut'),
      onSuccess: (_nothing, _input, _result, { client }) => startOver(client),
    }),
  /** A one-time ticket that signs the caller in elsewhere. */
  createSignInLink: () => mutationOptions({ mutationFn: () => call('createSignInLink') }),
};
