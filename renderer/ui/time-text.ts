const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in the two largest units that say something: `45 s`, `3 min 20 s`, `2 h 5 min`, `4 d`. */
export function durationText(ms: number): string {
  const length = Math.max(0, ms);
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return two(length, MINUTE, 'min', SECOND, 's');
  if (length < DAY) return two(length, HOUR, 'h', MINUTE, 'min');
  return length < 10 * DAY ? two(length, DAY, 'd', HOUR, 'h') : `${Math.floor(length / DAY)} d`;
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  const main = `${Math.floor(ms / large)} ${largeName}`;
  return rest === 0 ? main : `${main} ${rest} ${smallName}`;
}

/** How long ago `at` is, or how far ahead, seen from `now`: `just now`, `12 s ago`, `5 min ago`, `in 23 h`. One unit. */
export function relativeText(at: number, now: number): string {
  const distance = now - at;
  const length = Math.abs(distance);
  if (length < SECOND) return 'just now';
  const text = oneUnit(length);
  return distance > 0 ? `${text} ago` : `in ${text}`;
}

function oneUnit(length: number): string {
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return `${Math.floor(length / MINUTE)} min`;
  if (length < DAY) return `${Math.floor(length / HOUR)} h`;
  return `${Math.floor(length / DAY)} d`;
}

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });

/** Date and time with the zone, for hover and details. */
export function exactText(at: number): string {
  return exact.format(at);
}
