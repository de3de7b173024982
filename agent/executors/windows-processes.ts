/** What Windows says about its processes, and which of them belong to an operation: pure, since it can be decided anywhere. */

export interface WindowsProcess {
  readonly pid: number;
  readonly parent: number;
  /** When it began: 100 nanoseconds since 1601 in UTC, a decimal number. Empty for the few that keep it secret. */
  readonly born: string;
  readonly command: string;
}

/** One line for each process: number, parent, begin, and the command line or else the name. */
export const LIST_PROCESSES = [
  '[Console]::OutputEncoding = [System.Text.Encoding]::UTF8',
  'Get-CimInstance Win32_Process | ForEach-Object {',
  "  $born = if ($_.CreationDate) { $_.CreationDate.ToFileTimeUtc() } else { '-' }",
  '  $what = if ($_.CommandLine) { $_.CommandLine } else { $_.Name }',
  `  "$($_.ProcessId) $($_.ParentProcessId) $born $($what -replace '\\s+', ' ')"`,
  '}',
].join('\n');

/** Reads what {@link LIST_PROCESSES} prints. */
export function parseWindowsProcesses(text: string): WindowsProcess[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^(\d+) (\d+) (\d+|-) (.*)$/.exec(line.trim());
    if (!match) return [];
    const [, pid, parent, born = '', command = ''] = match;
    return [
      { pid: Number(pid), parent: Number(parent), born: born === '-' ? '' : born, command: command.slice(0, 300) },
    ];
  });
}

/** A process of an operation that was seen or started. */
export interface SeenProcess {
  readonly born: string;
  /** False: a step that was just started and is in no list yet; then `born` is a time shortly before. */
  readonly exact: boolean;
}

/** A step that is started now, at a time in milliseconds since the epoch: Windows may round, and counts from 1601. */
export function startedNow(now: number): SeenProcess {
  const slackMs = 1_000;
  return { born: String((BigInt(Math.floor(now) - slackMs) + 11_644_473_600_000n) * 10_000n), exact: false };
}

/**
 * Those that belong to what was seen (by number), with all of their descendants. Windows keeps the number of a parent that
 * has ended and gives it to another process: so a child has to be younger than its parent, and no other process may have
 * had the parent's number when the child began. `self`: the agent, the parent of each step.
 */
export function descendantsOf(
  all: readonly WindowsProcess[],
  seen: ReadonlyMap<number, SeenProcess>,
  self: number,
): WindowsProcess[] {
  /** Begin of each member, living or ended: the children of those that have ended are found by it. */
  const begins = new Map<number, string>();
  for (const [pid, { born }] of seen) if (born !== '') begins.set(pid, born);
  const found = new Map<number, WindowsProcess>();
  const living = new Map(all.map((one) => [one.pid, one]));
  for (let grew = true; grew; ) {
    grew = false;
    for (const one of all) {
      if (found.has(one.pid) || one.pid === self) continue;
      const before = seen.get(one.pid);
      const isSeen = before?.exact === false ? one.parent === self : before !== undefined && before.born === one.born;
      const begin = begins.get(one.parent);
      if (!isSeen && (begin === undefined || !isChild(one, begin, living.get(one.parent), found))) continue;
      found.set(one.pid, one);
      begins.set(one.pid, one.born);
      grew = true;
    }
  }
  return [...found.values()];
}

function isChild(
  one: WindowsProcess,
  begin: string,
  parentNow: WindowsProcess | undefined,
  found: ReadonlyMap<number, WindowsProcess>,
): boolean {
  if (!isYounger(one.born, begin)) return false;
  // The number belongs to another now: that one is the parent if it was there already when this one began.
  return parentNow === undefined || found.has(parentNow.pid) || !isYounger(one.born, parentNow.born);
}

function isYounger(child: string, parent: string): boolean {
  return child !== '' && parent !== '' && BigInt(child) >= BigInt(parent);
}
