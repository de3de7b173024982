import type { z } from 'zod';
import { executionRoutes } from './executions.ts';
import { identityRoutes } from './identity.ts';
import { jobRoutes } from './jobs.ts';
import { liveRoutes } from './live.ts';
import { packageRoutes } from './packages.ts';
import { projectRoutes } from './projects.ts';
import type { Route } from './route.ts';
import { runnerRoutes } from './runners.ts';
import { sshInstallRoutes } from './ssh-installs.ts';
import { trustRoutes } from './trust.ts';
import { upgradeRoutes } from './upgrades.ts';

/** Every REST call of Outrunner, by name. */
export const ROUTES = {
  ...identityRoutes,
  ...projectRoutes,
  ...runnerRoutes,
  ...packageRoutes,
  ...sshInstallRoutes,
  ...upgradeRoutes,
  ...trustRoutes,
  ...jobRoutes,
  ...executionRoutes,
  ...liveRoutes,
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;

/** Base of all paths of the table. */
export const API_BASE = '/api/v1';

type Part<R extends Route, Name extends 'params' | 'query' | 'body' | 'answer'> =
  R extends Record<Name, infer Schema extends z.ZodType> ? Schema : undefined;
type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type Sent<R extends Route, Name extends 'params' | 'query' | 'body'> =
  Part<R, Name> extends z.ZodType ? z.input<Part<R, Name>> : undefined;

/** What a handler gets, after validation. */
export interface RouteInput<R extends Route> {
  params: Parsed<Part<R, 'params'>>;
  query: Parsed<Part<R, 'query'>>;
  body: Parsed<Part<R, 'body'>>;
}

/** What a caller gives: parameters and a body where the row has them, the query always optional. */
export type RouteRequest<R extends Route> = (R extends { params: z.ZodType }
  ? { params: Sent<R, 'params'> }
  : { params?: undefined }) &
  (R extends { body: z.ZodType } ? { body: Sent<R, 'body'> } : { body?: undefined }) & {
    query?: Partial<NonNullable<Sent<R, 'query'>>>;
  };

/** What a caller gets; `undefined` for 204 and for streams. */
export type RouteAnswer<R extends Route> = Parsed<Part<R, 'answer'>>;

/** The path of a call with its parameters and query filled in, below {@link API_BASE}. */
export function routePath(
  row: Route,
  params: Record<string, unknown> = {},
  query: Record<string, unknown> = {},
): string {
  const path = row.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null) search.set(name, String(value));
  const text = search.toString();
  return `${API_BASE}${path}${text === '' ? '' : `?${text}`}`;
}
