import { PLATFORM_TARGETS, type PlatformTarget } from '../../protocol/enrolment.ts';

interface Hints {
  /** Platform of the Runner's present replica. */
  readonly runner: PlatformTarget | null;
  /** What was downloaded last from this console. */
  readonly last: string | null;
  /** `navigator.userAgent` of the console's own computer. */
  readonly userAgent: string;
  readonly available: readonly PlatformTarget[];
}

/**
 * The platform that the host most likely has: the one the Runner runs on already, else the one downloaded last, else the
 * kind of this computer; and of these only what can be downloaded. Null when nothing can.
 */
export function likelyPlatform({ runner, last, userAgent, available }: Hints): PlatformTarget | null {
  const guesses = [runner, last, ownPlatform(userAgent), ...PLATFORM_TARGETS];
  return (
    available.find((platform) => platform === guesses.find((guess) => available.some((one) => one === guess))) ?? null
  );
}

function ownPlatform(userAgent: string): PlatformTarget {
  if (/Windows/i.test(userAgent)) return 'win-x64';
  // A Mac's browser says "Intel" on both kinds; those sold in the last years are Apple silicon.
  if (/Macintosh|Mac OS X/i.test(userAgent)) return 'macos-arm64';
  return /aarch64|arm64/i.test(userAgent) ? 'linux-arm64' : 'linux-x64';
}
