import { NO_OUTPUT_LIMIT, type OutputLimit, OutputLimitSchema } from '../../protocol/operation.ts';
import type { AdHoc } from '../activity/ad-hoc-of.ts';

/** What the form holds. Command and script are kept beside each other: changing the type loses nothing. */
export interface CommandDraft {
  readonly type: 'command' | 'script';
  readonly command: string;
  readonly script: string;
  readonly interpreter: string;
  readonly runnerTags: readonly string[];
  readonly timeoutSeconds: number;
  readonly priority: number;
  readonly outputLimit: OutputLimit;
}

export const EMPTY_COMMAND: CommandDraft = {
  type: 'command',
  command: '',
  script: '',
  interpreter: '',
  runnerTags: [],
  timeoutSeconds: 0,
  priority: 0,
  outputLimit: NO_OUTPUT_LIMIT,
};

/** The request that runs it. It is not validated yet. */
export function adHocRequest(draft: CommandDraft): AdHoc {
  const { type, command, script, interpreter, runnerTags, timeoutSeconds, priority, outputLimit } = draft;
  return {
    ...(type === 'command' ? { command } : { script }),
    interpreter,
    runnerTags: [...runnerTags],
    timeoutSeconds,
    priority,
    outputLimit,
  };
}

/** The draft that such a request was made from. */
export function draftOfAdHoc(body: AdHoc): CommandDraft {
  const { command, script, interpreter = '', runnerTags = [], timeoutSeconds = 0, priority = 0 } = body;
  return {
    type: script === undefined ? 'command' : 'script',
    command: command ?? '',
    script: script ?? '',
    interpreter,
    runnerTags,
    timeoutSeconds,
    priority,
    outputLimit: OutputLimitSchema.parse(body.outputLimit ?? NO_OUTPUT_LIMIT),
  };
}
