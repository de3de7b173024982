import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { ROUTES, routePath } from '../../protocol/api/routes.ts';
import { COORDINATOR_FILE, CoordinatorFileSchema, OWNER_TICKET_FILE } from '../../protocol/data-folder.ts';

const ANSWER_WITHIN_MS = 3_000;

/** Address of the coordinator that runs on the data folder and answers; null when there is none. */
export async function findRunning(dataFolder: string): Promise<string | null> {
  let text: string;
  try {
    text = await readFile(join(dataFolder, COORDINATOR_FILE), 'utf8');
  } catch (error) {
    // The coordinator itself has a clear line for a folder that cannot be read.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
  const file = CoordinatorFileSchema.safeParse(parseJson(text));
  if (!file.success) return null;
  try {
    await call(file.data.url, 'health');
    return file.data.url;
  } catch {
    // Left behind by one that was killed, or another program has its port now.
    return null;
  }
}

/**
 * A link that signs the owner in once, within five minutes: in the fragment, which no browser sends to a server.
 * @throws Error with a line for a person when the ticket cannot be read or the coordinator refuses it.
 */
export async function signInLink(dataFolder: string, url: string): Promise<string> {
  const ticket = (await readFile(join(dataFolder, OWNER_TICKET_FILE), 'utf8')).trim();
  const { token } = await call(url, 'signIn', { body: { ticket, carrier: 'bearer' } });
  const link = await call(url, 'createSignInLink', { token });
  return `${url}/#ticket=${encodeURIComponent(link.ticket)}`;
}

type Called = 'health' | 'signIn' | 'createSignInLink';
type Answer<Name extends Called> = z.output<(typeof ROUTES)[Name]['answer']>;

async function call<Name extends Called>(
  url: string,
  name: Name,
  { body, token }: { body?: unknown; token?: string | null } = {},
): Promise<Answer<Name>> {
  const row = ROUTES[name];
  const response = await fetch(new URL(routePath(row), url), {
    method: row.method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  if (!response.ok) throw new Error(`The coordinator at ${url} refused “${row.summary}” (${response.status}).`);
  return row.answer.parse(await response.json()) as Answer<Name>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
