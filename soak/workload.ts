import type { JobInput } from '../protocol/api/jobs.ts';
import type { Random } from './random.ts';

/** What the trial gives the Runners to do, and what each step must print, byte for byte. */

export const KINDS = ['quick', 'chatty', 'several', 'slow', 'failing', 'cancelled'] as const;
export type Kind = (typeof KINDS)[number];

/** How one step behaves. */
interface StepShape {
  readonly rounds: number;
  /** Seconds between rounds. */
  readonly pause: number;
  readonly exitCode: number;
}

const STEPS: Readonly<Record<Kind, readonly StepShape[]>> = {
  quick: [{ rounds: 1, pause: 0, exitCode: 0 }],
  chatty: [{ rounds: 12, pause: 0, exitCode: 0 }],
  several: Array.from({ length: 4 }, () => ({ rounds: 2, pause: 0, exitCode: 0 })),
  slow: [{ rounds: 12, pause: 0.2, exitCode: 0 }],
  failing: [
    { rounds: 1, pause: 0, exitCode: 0 },
    { rounds: 2, pause: 0, exitCode: 7 },
    { rounds: 1, pause: 0, exitCode: 0 },
  ],
  cancelled: [{ rounds: 400, pause: 0.1, exitCode: 0 }],
};

/** Lines of one round, from and to. */
const LINES: Readonly<Record<Kind, readonly [number, number]>> = {
  quick: [1, 20],
  chatty: [300, 900],
  several: [1, 200],
  slow: [1, 50],
  failing: [1, 50],
  cancelled: [1, 5],
};

export interface Task {
  /** Unique in a trial: names the execution in its output, and is its Idempotency-Key. */
  readonly id: string;
  readonly kind: Kind;
  readonly lines: number;
  /** When to ask for its stop, in milliseconds after it was submitted; null: never. */
  readonly cancelAfterMs: number | null;
}

/** The tasks of a trial. The more common kinds are the short ones. */
export function makeTasks(count: number, random: Random): Task[] {
  return Array.from({ length: count }, (_, n) => {
    const kind = random.oneOf<Kind>([
      'quick',
      'quick',
      'quick',
      'chatty',
      'several',
      'several',
      'slow',
      'failing',
      'cancelled',
    ]);
    const [least, most] = LINES[kind];
    const cancelAfterMs = kind === 'cancelled' ? random.whole(0, 4_000) : null;
    return { id: `t${n}`, kind, lines: random.whole(least, most), cancelAfterMs };
  });
}

/**
 * One step: says in a file that it began and, at its end, that it ended; prints numbered lines to both streams and bytes
 * that are no text. Every line says whose it is, so that a line that is lost, doubled or out of place shows.
 */
const SCRIPT = `step=$1 rounds=$2 pause=$3 code=$4
id="$RD_OPTION_TASK.$step"
echo "begin $id" >> "$RD_OPTION_RUNS"
round=0
while [ $round -lt $rounds ]; do
  round=$((round + 1))
  seq -f "$id out $round %.0f" 1 $RD_OPTION_LINES
  printf '\\377\\000\\r\\303\\n'
  seq -f "$id error $round line %.0f of a longer kind" 1 $(((RD_OPTION_LINES + 1) / 2)) >&2
  [ $pause = 0 ] || sleep $pause
done
echo "end $id" >> "$RD_OPTION_RUNS"
exit $code
`;

/** The job that runs tasks of a kind; task, lines and the file of runs are its options. */
export function jobOf(kind: Kind): JobInput {
  return {
    name: `trial ${kind}`,
    runnerTags: ['trial'],
    options: ['task', 'lines', 'runs'].map((name) => ({ name, required: true })),
    workflow: {
      steps: STEPS[kind].map((shape, index) => ({
        type: 'script',
        label: `${kind} ${index}`,
        script: SCRIPT,
        arguments: [index, shape.rounds, shape.pause, shape.exitCode].map(String),
      })),
    },
    graceSeconds: 2,
  };
}

export interface ExpectedStep {
  readonly name: string;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exitCode: number;
}

/** What each step of a task prints when it runs to its end. */
export function expectedSteps(task: Task): ExpectedStep[] {
  return STEPS[task.kind].map((shape, index) => {
    const name = `${task.id}.${index}`;
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    for (let round = 1; round <= shape.rounds; round++) {
      stdout.push(
        lines(task.lines, (n) => `${name} out ${round} ${n}`),
        Buffer.from([0xff, 0, 0x0d, 0xc3, 0x0a]),
      );
      stderr.push(lines(Math.floor((task.lines + 1) / 2), (n) => `${name} error ${round} line ${n} of a longer kind`));
    }
    return { name, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr), exitCode: shape.exitCode };
  });
}

function lines(count: number, line: (n: number) => string): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, at) => `${line(at + 1)}\n`).join(''));
}
