import { IdSchema } from '../protocol/fields.ts';
import { APP_ORIGIN } from './own-url.ts';

export const LINK_SCHEME = 'outrunner';

/** What a link from outside can mean. It navigates, never acts: any web page can open it. */
export type DeepLink = { readonly open: 'home' } | { readonly open: 'runner' | 'execution'; readonly id: string };

const PLACES: Readonly<Record<string, 'runner' | 'execution'>> = {
  runner: 'runner',
  execution: 'execution',
};

/** Reads `outrunner://runner/<id>`, `outrunner://execution/<id>` or `outrunner://`; undefined for anything else. */
export function parseDeepLink(text: string): DeepLink | undefined {
  if (text.length > 200) return undefined;
  const match = /^outrunner:\/\/(?:([a-z]+)\/([0-9a-fA-F-]{36})\/?)?$/.exec(text);
  if (!match) return undefined;
  const [, place, id] = match;
  if (place === undefined || id === undefined) return { open: 'home' };
  const open = Object.hasOwn(PLACES, place) ? PLACES[place] : undefined;
  return open !== undefined && IdSchema.safeParse(id).success ? { open, id: id.toLowerCase() } : undefined;
}

/** The first deep link among the arguments of a start: Windows and Linux pass it there. */
export function deepLinkOfArguments(argv: readonly string[]): DeepLink | undefined {
  for (const argument of argv) {
    if (!argument.startsWith(`${LINK_SCHEME}:`)) continue;
    const link = parseDeepLink(argument);
    if (link) return link;
  }
  return undefined;
}

/** The address inside the console that a link opens. */
export function addressOf(link: DeepLink): string {
  switch (link.open) {
    case 'home':
      return `${APP_ORIGIN}/`;
    case 'runner':
      return `${APP_ORIGIN}/runners/${link.id}`;
    case 'execution':
      return `${APP_ORIGIN}/executions/${link.id}`;
  }
}
