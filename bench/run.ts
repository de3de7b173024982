import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ensureBuilt } from '../build/ensure-built.ts';
import { dispatch } from './dispatch.ts';
import { fleet } from './fleet.ts';
import { type Benchmark, printFigures } from './harness/figures.ts';
import { endAll } from './harness/process.ts';
import { idle } from './idle.ts';
import { output } from './output.ts';
import { size } from './size.ts';
import { start } from './start.ts';
import { throughput } from './throughput.ts';
import { upgrade } from './upgrade.ts';

const benchmarks: readonly Benchmark[] = [size, start, dispatch, throughput, output, idle, fleet, upgrade];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(', ')}. There are: ${benchmarks.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}
await ensureBuilt(['coordinator', 'agents'], console.log);
for (const benchmark of benchmarks) {
  if (wanted.length > 0 && !wanted.includes(benchmark.name)) continue;
  const work = await mkdtemp(path.join(os.tmpdir(), `outrunner-bench-${benchmark.name}-`));
  try {
    printFigures(`${benchmark.name}: ${benchmark.what}`, await benchmark.run(work));
  } finally {
    await endAll();
    await rm(work, { recursive: true, force: true });
  }
}
