import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { API_BASE, ROUTES, type RouteName, routePath } from '../../protocol/api/routes.ts';
import { type ManualClock, manualClock } from '../../protocol/clock.ts';
import { type Coordinator, createCoordinator } from '../coordinator.ts';
import type { GarbageCollector } from '../process/garbage-collector.ts';
import { readSettings } from '../settings/read-settings.ts';
import type { Settings } from '../settings/settings-table.ts';
import type { ThisComputer } from '../ssh-install/this-computer.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or the text when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape; the coordinator checks them itself
  readonly body: any;
}

export interface CallParts {
  readonly params?: Record<string, unknown>;
  readonly query?: Record<string, unknown>;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** null: no credential at all; absent: the owner's. */
  readonly token?: string | null;
}

export interface WholeCoordinator {
  readonly coordinator: Coordinator;
  readonly clock: ManualClock;
  readonly url: string;
  readonly folder: string;
  /** Every line that was logged. */
  readonly log: string[];
  /** A token of the owner's session. */
  readonly token: string;
  /** Calls a row of the route table. */
  call(name: RouteName, parts?: CallParts): Promise<Answer>;
  /** Any request at all; a body that is no text is sent as JSON. */
  request(method: string, path: string, parts?: Omit<CallParts, 'params' | 'query'>): Promise<Answer>;
  /** Stops it and starts it again on the same folder; time stands where it stood. */
  restart(): Promise<WholeCoordinator>;
  stop(): Promise<void>;
}

export interface WholeOptions {
  readonly settings?: Partial<Settings>;
  readonly clock?: ManualClock;
  readonly folder?: string;
  readonly collector?: GarbageCollector;
  /** The computer that it is on. */
  readonly here?: ThisComputer;
}

/** A coordinator as `main.ts` makes it, on a folder of its own and with a clock that the test moves. */
export async function startWhole(options: WholeOptions = {}): Promise<WholeCoordinator> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'outrunner-whole-')));
  const clock = options.clock ?? manualClock();
  const log: string[] = [];
  const { settings } = readSettings({ argv: [], env: {}, readFile: () => '{}' });
  const coordinator = await createCoordinator({
    // `embedded`: no account with a password, whose hashing would cost each test a third of a second.
    settings: {
      ...settings,
      dataDir: folder,
      port: 0,
      embedded: true,
      logFormat: 'json',
      logLevel: 'debug',
      ...options.settings,
    },
    clock,
    checkAnswers: true,
    ...(options.collector === undefined ? {} : { collector: options.collector }),
    ...(options.here === undefined ? {} : { here: options.here }),
    logTo: { write: (line) => void log.push(line) },
  });
  const { url } = coordinator;
  let token: string | null = null;

  async function request(method: string, path: string, parts: CallParts = {}): Promise<Answer> {
    const credential = parts.token === undefined ? token : parts.token;
    const { body } = parts;
    const response = await fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...parts.headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = (response.headers.get('content-type') ?? '').includes('json');
    return { status: response.status, headers: response.headers, body: json && text !== '' ? JSON.parse(text) : text };
  }

  const signedIn = await request('POST', `${API_BASE}/session`, {
    body: { ticket: coordinator.ownerTicket, carrier: 'bearer' },
    token: null,
  });
  const ownToken = z.string().parse(signedIn.body.token);
  token = ownToken;
  return {
    coordinator,
    clock,
    url,
    folder,
    log,
    token: ownToken,
    request,
    call(name, parts = {}) {
      const row = ROUTES[name];
      return request(row.method, routePath(row, parts.params, parts.query), parts);
    },
    async restart() {
      await coordinator.stop();
      return startWhole({ ...options, folder, clock });
    },
    async stop() {
      await coordinator.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A body that `POST /runners` takes. */
export function newRunner(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, description: 'A host in the lab.', tags: ['linux'], projects: [{ project: 'Welcome' }], ...more };
}
