/**
 * Text as one word of a shell, whatever it holds. Each function throws for what its shell cannot carry, because a word that
 * is left out silently changes what a command does. Pure.
 */

/** One word of a POSIX shell; plain text stays readable. @throws RangeError for a NUL, which no argument can hold. */
export function shWord(text: string): string {
  if (text.includes('\0')) throw new RangeError('a word of a shell cannot hold a NUL');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * One word of PowerShell, 5.1 and 7. Always quoted: a bare word may mean a number, a type or a path there. PowerShell
 * takes four typographic apostrophes for the plain one, so they are doubled too.
 * @throws RangeError for a NUL.
 */
export function powershellWord(text: string): string {
  if (text.includes('\0')) throw new RangeError('a word of a shell cannot hold a NUL');
  return `'${text.replaceAll(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`;
}
