/** What a trial found. */
export interface Report {
  /** For the table: what, and how much. */
  readonly figures: readonly (readonly [what: string, value: string | number])[];
  /** Promises that were not kept, with the evidence; empty: all is well. */
  readonly violations: readonly string[];
}

export interface TrialOptions {
  /** A folder of this trial alone. */
  readonly work: string;
  readonly seed: number;
  readonly executions: number;
  /** Over which the executions are spread. */
  readonly seconds: number;
  readonly agents: number;
  /** The packed executable; absent: the agent's bundle. */
  readonly executable: string | undefined;
  say(line: string): void;
}

export interface Trial {
  readonly name: string;
  /** For the list of trials. */
  readonly what: string;
  /** It needs network namespaces, and runs in the one of the coordinator. */
  readonly inNamespaces?: boolean;
  /** Why this machine cannot do it; null when it can. */
  whyNot?(): Promise<string | null>;
  run(options: TrialOptions): Promise<Report>;
}

const SHOWN = 40;

/** Prints a report as a table, then what is wrong. */
export function printReport(name: string, { figures, violations }: Report): void {
  const width = Math.max(...figures.map(([what]) => what.length), 0);
  console.log(`\n${name}`);
  for (const [what, value] of figures) console.log(`  ${what.padEnd(width)}  ${value}`);
  for (const violation of violations.slice(0, SHOWN)) console.log(`  VIOLATED: ${violation}`);
  if (violations.length > SHOWN) console.log(`  … and ${violations.length - SHOWN} more`);
  console.log(violations.length === 0 ? '  kept' : `  ${violations.length} violations`);
}
