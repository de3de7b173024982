import { mutationOptions, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type { NewTokenSchema } from '../../protocol/api/identity.ts';
import { call } from './api-client.ts';

export const tokenKeys = { all: ['tokens'] as const };

/** The caller's API tokens. */
export const tokenQueries = {
  list: () =>
    queryOptions({
      queryKey: tokenKeys.all,
      queryFn: async ({ signal }) => (await call('listTokens', {}, { signal })).items,
    }),
};

export const tokenMutations = {
  create: () =>
    mutationOptions({
      mutationFn: (body: z.input<typeof NewTokenSchema>) => call('createToken', { body }),
      onSuccess: (_answer, _body, _result, { client }) => client.invalidateQueries({ queryKey: tokenKeys.all }),
    }),
  revoke: () =>
    mutationOptions({
      mutationFn: (id: string) => call('deleteToken', { params: { id } }),
      onSuccess: (_nothing, _id, _result, { client }) => client.invalidateQueries({ queryKey: tokenKeys.all }),
    }),
};
