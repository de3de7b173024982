import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { endAll, everyOutput } from '../bench/harness/process.ts';
import { ensureBuilt } from '../build/ensure-built.ts';
import { hostsOfThisProcess, runOnCoordinatorHost } from './in-namespaces.ts';
import { printReport, type Trial } from './report.ts';
import { removeSmallDisks } from './small-disk.ts';
import { TRIALS } from './trials.ts';

const HELP = `npm run soak -- [options]

  --only NAME        one trial, or several separated by commas; without: ${TRIALS[0]?.name}
  --seed NUMBER      the choices of an earlier run again; without: any, and it is printed
  --executions N     how many (1000)
  --seconds N        over which they are spread (240)
  --agents N         how many agents (2)
  --packed           the packed executable instead of the agent's bundle
  --keep             leave the folders of the trial for a look
  --quiet            only the sums

Trials:
${TRIALS.map(({ name, what }) => `  ${name.padEnd(18)} ${what}`).join('\n')}`;

const count = (name: string, most: number) => z.coerce.number(`--${name} is a number.`).int().min(1).max(most);

const OptionsSchema = z.object({
  only: z.string().default(TRIALS[0]?.name ?? ''),
  seed: z.coerce
    .number('--seed is a number.')
    .int()
    .min(0)
    .default(() => randomInt(2 ** 31)),
  executions: count('executions', 100_000).default(1_000),
  seconds: count('seconds', 3_600).default(240),
  agents: count('agents', 20).default(2),
  packed: z.boolean().default(false),
  keep: z.boolean().default(false),
  quiet: z.boolean().default(false),
  help: z.boolean().default(false),
});

function readOptions(): z.infer<typeof OptionsSchema> {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    const options = { only: text, seed: text, executions: text, seconds: text, agents: text };
    const { values } = parseArgs({ options: { ...options, packed: flag, keep: flag, quiet: flag, help: flag } });
    return OptionsSchema.parse(values);
  } catch (error) {
    console.error(error instanceof z.ZodError ? z.prettifyError(error) : String(error));
    console.error(HELP);
    process.exit(2);
  }
}

/** Runs one trial in a process of its own on the coordinator's host. */
async function inNamespaces(name: string): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'outrunner-soak-hosts-'));
  try {
    const flags = (['packed', 'keep', 'quiet'] as const).filter((flag) => options[flag]).map((flag) => `--${flag}`);
    const code = await runOnCoordinatorHost(['--only', name, '--seed', String(options.seed), ...flags], folder);
    if (code !== 0) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs one trial in this process and prints what it found. What it wrote and printed is left for a look when that is bad. */
async function here(trial: Trial): Promise<void> {
  console.log(`${trial.name}: ${trial.what}; --seed ${options.seed}`);
  const work = await mkdtemp(path.join(os.tmpdir(), `outrunner-soak-${trial.name}-`));
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  const say = (line: string) => {
    if (!options.quiet) console.log(`  ${seconds().toFixed(1).padStart(6)} s  ${line}`);
  };
  const run = trial.run({ ...options, work, executable, say });
  const report = await Promise.race([run, interrupted]).catch((error: unknown) => {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { figures: [], violations: [`It could not be tried to its end: ${what}`] };
  });
  printReport(`${trial.name}, --seed ${options.seed}, ${seconds().toFixed(0)} s`, report);
  await endAll();
  await removeSmallDisks();
  const isBad = report.violations.length > 0;
  if (isBad) {
    const programs = everyOutput().map(({ command, output }) => `$ ${command}\n${output}`);
    await writeFile(path.join(work, 'programs.log'), programs.join('\n'));
    process.exitCode = 1;
  }
  if (options.keep || isBad) console.log(`  left for a look: ${work}`);
  else await rm(work, { recursive: true, force: true });
}

const options = readOptions();
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const names = options.only.split(',');
const unknown = names.filter((name) => !TRIALS.some((trial) => trial.name === name));
if (unknown.length > 0) {
  console.error(`There is no trial ${unknown.join(', ')}.\n\n${HELP}`);
  process.exit(2);
}
await ensureBuilt(['coordinator', 'agents'], console.log);
const executable = options.packed
  ? path.resolve(import.meta.dirname, `../dist/agents/${process.platform}-${process.arch}/outrunner-agent`)
  : undefined;
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => reject(new Error(`It was broken off (${signal}).`)));
});
interrupted.catch(() => undefined);
for (const trial of TRIALS.filter(({ name }) => names.includes(name))) {
  const reason = (await trial.whyNot?.()) ?? null;
  if (reason !== null) console.log(`SKIPPED ${trial.name}: ${reason}`);
  else if (trial.inNamespaces && hostsOfThisProcess() === null) await inNamespaces(trial.name);
  else await here(trial);
}
// A trial that was broken off may still have timers and connections.
process.exit(process.exitCode ?? 0);
