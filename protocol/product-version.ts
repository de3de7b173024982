/**
 * Compares two product versions as SemVer 2.0.0 orders them (section 11): numbers by value, a pre-release before its release,
 * build metadata ignored. Negative when `a` is the older one. What is no version counts as older than every version.
 */
export function compareVersions(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  for (let i = 0; i < 3; i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.early.length === 0 || right.early.length === 0) {
    return Number(left.early.length === 0) - Number(right.early.length === 0);
  }
  for (let i = 0; i < Math.min(left.early.length, right.early.length); i++) {
    const difference = compareParts(left.early[i] ?? '', right.early[i] ?? '');
    if (difference !== 0) return difference;
  }
  return left.early.length - right.early.length;
}

const VERSION = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

function parse(text: string): { numbers: number[]; early: string[] } | null {
  const match = VERSION.exec(text);
  if (match === null) return null;
  return { numbers: match.slice(1, 4).map(Number), early: match[4]?.split('.') ?? [] };
}

function compareParts(a: string, b: string): number {
  const numeric = [a, b].map((part) => /^\d+$/.test(part));
  if (numeric[0] && numeric[1]) return Number(a) - Number(b);
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
