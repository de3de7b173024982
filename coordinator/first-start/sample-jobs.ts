import { type JobInput, JobInputSchema } from '../../protocol/api/jobs.ts';

/** Colours of a terminal, as scripts write them. */
const SLOW_JOB = `#!/bin/sh
# Ten steps of half a second each, with a progress bar in colours.
green=$(printf '\\033[32m'); cyan=$(printf '\\033[36m'); bold=$(printf '\\033[1m'); off=$(printf '\\033[0m')
printf '%sPreparing on %s%s\\n' "$bold" "$(hostname)" "$off"
step=0
while [ "$step" -lt 10 ]; do
  step=$((step + 1))
  sleep 0.5
  bar=$(printf '%*s' "$step" '' | tr ' ' '#')
  printf '%s[%-10s]%s %s%3d %%%s part %d of 10 done\\n' "$cyan" "$bar" "$off" "$green" "$((step * 10))" "$off" "$step"
done
printf '%sAll done.%s This line went to standard output,\\n' "$green" "$off"
printf 'and this one to standard error.\\n' >&2
`;

const FACTS = `#!/bin/sh
printf 'Host:      %s\\n' "$(hostname)"
printf 'System:    %s\\n' "$(uname -srm)"
if [ -r /etc/os-release ]; then . /etc/os-release; printf 'Release:   %s\\n' "$PRETTY_NAME"; fi
printf 'User:      %s\\n' "$(id -un)"
printf 'Processors: %s\\n' "$(getconf _NPROCESSORS_ONLN)"
printf 'Started as: job %s, execution %s, by %s\\n' "$RD_JOB_NAME" "$RD_JOB_EXECID" "$RD_JOB_USER_NAME"
`;

const samples: JobInput[] = [
  {
    name: 'System facts',
    group: 'Samples',
    description: 'Says what kind of host the Runner lives on. For Linux and macOS.',
    workflow: { steps: [{ type: 'script', label: 'Facts of the host', script: FACTS, interpreter: 'sh' }] },
  },
  {
    name: 'Disk usage',
    group: 'Samples',
    description: 'Shows how full the file systems are; the option says for which path. For Linux and macOS.',
    options: [{ name: 'path', description: 'Folder whose file system is shown', value: '/', required: true }],
    workflow: {
      steps: [
        // The option is read from the environment and quoted: what somebody types is never part of the command.
        { type: 'command', label: 'File system', command: 'df -h -- "$RD_OPTION_PATH"', interpreter: 'sh' },
        { type: 'command', label: 'All file systems', command: 'df -h', interpreter: 'sh' },
      ],
    },
  },
  {
    name: 'Slow job with progress',
    group: 'Samples',
    description:
      'Takes five seconds and prints its progress in colours: to watch live output, and to try Stop. For Linux and macOS.',
    workflow: { steps: [{ type: 'script', label: 'Ten parts', script: SLOW_JOB, interpreter: 'sh' }] },
  },
  {
    name: 'Failing job',
    group: 'Samples',
    description: 'Its second of three steps fails: to see how a failure looks. For Linux and macOS.',
    workflow: {
      steps: [
        { type: 'command', label: 'This works', command: 'echo "The first step is fine."', interpreter: 'sh' },
        {
          type: 'command',
          label: 'This fails',
          command: 'echo "The second step cannot find its file." >&2; exit 3',
          interpreter: 'sh',
        },
        { type: 'command', label: 'This is not reached', command: 'echo "Nobody reads this."', interpreter: 'sh' },
      ],
    },
  },
];

/** The jobs that the project *Welcome* begins with. */
export const SAMPLE_JOBS = samples.map((sample) => JobInputSchema.parse(sample));
