import os from 'node:os';

/** What a benchmark found: rows of figures, each with its floor from the same run where it has one. */
export interface Figure {
  readonly what: string;
  /** NaN: it cannot be measured on this system. */
  readonly value: number;
  readonly unit: 'ms' | 's' | '/s' | 'MB/s' | 'MB' | 'KB' | '%' | '×';
  /** The same work with nothing in between, measured in the same run. */
  readonly floor?: number;
  /** The bar, for a reader: `≤ 2 × floor`, `≤ 25 ms`. */
  readonly bar?: string;
}

export interface Benchmark {
  readonly name: string;
  readonly what: string;
  run(workFolder: string): Promise<Figure[]>;
}

/** The value below which `share` of the samples lie (nearest rank); `share` between 0 and 1. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

/** Prints a table for people and one JSON line for programs. */
export function printFigures(name: string, figures: readonly Figure[]): void {
  const cell = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(2));
  const shown = (value: number | undefined, unit: string) => {
    if (value === undefined) return '';
    return Number.isNaN(value) ? 'not measured here' : `${cell(value)} ${unit}`;
  };
  const rows = figures.map(({ what, value, unit, floor, bar }) => [
    what,
    shown(value, unit),
    shown(floor, unit),
    floor === undefined || Number.isNaN(value / floor) ? '' : `${(value / floor).toFixed(2)} ×`,
    bar ?? '',
  ]);
  const table = [['', 'measured', 'floor', 'ratio', 'bar'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  console.log(`\n${name}`);
  for (const row of table)
    console.log(`  ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
  const [cpu] = os.cpus();
  console.log(
    JSON.stringify({
      benchmark: name,
      at: new Date().toISOString(),
      machine: {
        cpu: cpu?.model,
        cores: os.cpus().length,
        memoryMB: Math.round(os.totalmem() / 1e6),
        node: process.version,
      },
      figures,
    }),
  );
}
