import { expect, test } from 'vitest';
import { createApiClient } from './api-client.ts';
import { CoordinatorError } from './coordinator-error.ts';

const TIME = '2026-11-23T20:00:00.000Z';
const ID = '00000000-0000-4000-8000-000000000001';
const me = {
  user: { id: ID, name: 'owner', role: 'owner' },
  csrf: 'the-csrf',
  may: ['read'],
  coordinator: {
    id: ID,
    version: '0.1.0',
    protocol: 1,
    publicKey: 'A'.repeat(43),
    embedded: true,
    url: 'http://127.0.0.1:4440',
    time: TIME,
  },
};

/** A client whose calls get these answers in turn, and what it sent. */
function client(...answers: (Response | Error)[]) {
  const sent: Request[] = [];
  const api = createApiClient((input, init) => {
    sent.push(new Request(new URL(input, 'http://coordinator'), init));
    const answer = answers.shift();
    return answer instanceof Response ? Promise.resolve(answer) : Promise.reject(answer ?? new Error('no answer left'));
  });
  return { api, sent };
}

test('parameters and query stand in the path, the body is JSON', async () => {
  const { api, sent } = client(Response.json({ roundTripMs: 2, replica: ID }));
  expect(await api.call('pingRunner', { params: { id: ID } })).toEqual({ roundTripMs: 2, replica: ID });
  expect(sent[0]?.method).toBe('POST');
  expect(new URL(sent[0]?.url ?? '').pathname).toBe(`/api/v1/runners/${ID}/ping`);
});

test('writes carry the CSRF value that `me` told, reads do not', async () => {
  const { api, sent } = client(Response.json(me), Response.json({}), new Response(null, { status: 204 }));
  await api.call('me');
  await api.call('listTags');
  await api.call('deleteToken', { params: { id: ID } });
  expect(sent.map((request) => request.headers.get('X-Outrunner-CSRF'))).toEqual([null, null, 'the-csrf']);
});

test('an idempotency key travels with the call', async () => {
  const { api, sent } = client(new Response(null, { status: 204 }));
  await api.call('deleteToken', { params: { id: ID } }, { idempotencyKey: 'once' });
  expect(sent[0]?.headers.get('Idempotency-Key')).toBe('once');
});

test('the version that a write is about travels with it, where there is one', async () => {
  const { api, sent } = client(new Response(null, { status: 204 }), new Response(null, { status: 204 }));
  await api.call('deleteToken', { params: { id: ID } }, { ifVersion: 3 });
  await api.call('deleteToken', { params: { id: ID } }, { ifVersion: null });
  expect(sent.map((request) => request.headers.get('If-Match'))).toEqual(['"3"', null]);
});

test("a refusal keeps the coordinator's words, its fields and the request id", async () => {
  const problem = {
    type: 'urn:outrunner:problem:invalid-input',
    code: 'invalid-input',
    title: 'Something in the request is not right',
    status: 400,
    detail: 'Name is required.',
    todo: 'Correct the named fields and send it again.',
    fields: [{ path: 'name', message: 'Name is required.' }],
    requestId: 'r-1',
  };
  const { api } = client(Response.json(problem, { status: 400 }));
  const error = await api.call('createProject', { body: { name: '' } }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CoordinatorError);
  expect(error).toMatchObject({ code: 'invalid-input', message: 'Name is required.', requestId: 'r-1' });
  expect((error as CoordinatorError).fields).toEqual(problem.fields);
  expect((error as CoordinatorError).todo).toBe(problem.todo);
});

test('a code of a newer coordinator is still shown in its own words', async () => {
  const problem = {
    type: 'x',
    code: 'moon-phase',
    title: 'Wrong moon',
    status: 409,
    detail: 'd',
    todo: 't',
    fields: [],
  };
  const { api } = client(Response.json(problem, { status: 409 }));
  await expect(api.call('me')).rejects.toMatchObject({ code: 'internal', title: 'Wrong moon', todo: 't', status: 409 });
});

test.each<[string, Response | Error, string]>([
  ['nothing answers', new TypeError('fetch failed'), 'coordinator-unreachable'],
  ['a proxy answers with a page', new Response('<h1>Bad gateway</h1>', { status: 502 }), 'coordinator-unreachable'],
  ['the answer does not fit its schema', Response.json({ user: 1 }), 'internal'],
])('when %s, the problem is %s', async (_what, answer, code) => {
  await expect(client(answer).api.call('me')).rejects.toMatchObject({ code });
});

test('an abort stays an abort', async () => {
  const abort = new AbortController();
  abort.abort(new DOMException('stop', 'AbortError'));
  const { api } = client(new DOMException('stop', 'AbortError'));
  await expect(api.call('me', {}, { signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
});
