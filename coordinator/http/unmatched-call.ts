import { API_BASE, ROUTES } from '../../protocol/api/routes.ts';
import { OutrunnerError } from '../../protocol/problems.ts';

const KNOWN = Object.values(ROUTES).map((row) => ({
  method: row.method as string,
  pattern: new RegExp(`^${API_BASE}${row.path.replace(/\{\w+\}/g, '[^/]+')}$`),
}));

/** Whether a path belongs to the API or to the Runners, where no page of the console stands. */
export function isApiPath(path: string): boolean {
  return /^\/(?:api|runner)(?:\/|$)/.test(path);
}

/** The methods of the table that `path` has, GET with HEAD. */
export function allowedMethods(path: string): string[] {
  const methods = KNOWN.filter((row) => row.pattern.test(path)).map((row) => row.method);
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
}

/** What a call that no row of the table takes is told: another method would do, or nothing is there. */
export function unmatched(path: string): { problem: OutrunnerError; allow: string | null } {
  const methods = allowedMethods(path);
  if (methods.length === 0) return { problem: new OutrunnerError('not-found'), allow: null };
  const allow = methods.join(', ');
  return { problem: new OutrunnerError('method-not-allowed', { detail: `Use ${allow} here.` }), allow };
}
