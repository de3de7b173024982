/** How values stand in the tables and how the API says them. */

/** A stored time as the API says it; null stays null. */
export function isoTime(stored: number): string;
export function isoTime(stored: number | null): string | null;
export function isoTime(stored: number | null): string | null {
  return stored === null ? null : new Date(stored).toISOString();
}

/** Text in which `%`, `_` and `\` stand for themselves in a LIKE pattern with `escape '\'`. */
export function likeText(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
