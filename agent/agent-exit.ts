import { AGENT_EXIT } from '../protocol/enrolment.ts';
import { OutrunnerError, PROBLEMS, type ProblemCode } from '../protocol/problems.ts';

/** Ends the program: one line for a person, what to do, and a documented exit code. Carried up to `main.ts`. */
export class AgentExit extends Error {
  readonly exitCode: number;
  readonly todo: string;

  constructor(exitCode: number, message: string, todo = '', options: ErrorOptions = {}) {
    super(message, options);
    this.name = 'AgentExit';
    this.exitCode = exitCode;
    this.todo = todo;
  }

  /** The one line that is printed. */
  get line(): string {
    return this.todo === '' ? this.message : `${this.message} ${this.todo}`;
  }
}

/** The exit code that a refusal by the coordinator leads to; null when the agent keeps trying. */
export function exitCodeOfRefusal(code: ProblemCode): number | null {
  if (code.startsWith('enrolment-')) return AGENT_EXIT.enrolmentRefused;
  switch (code) {
    case 'replica-revoked':
    case 'replica-unknown':
    case 'signature-refused':
      return AGENT_EXIT.identityRefused;
    case 'coordinator-not-trusted':
      return AGENT_EXIT.coordinatorNotTrusted;
    case 'protocol-unsupported':
    case 'protocol-too-new':
      return AGENT_EXIT.protocolUnsupported;
    default:
      return null;
  }
}

/** A refusal as the end of the program: `detail` is what the coordinator said, `todo` what to do about it. */
export function exitOfRefusal(code: ProblemCode, detail: string, todo?: string): AgentExit {
  const text = detail === '' ? PROBLEMS[code].title : detail;
  const sentence = /[.!?]$/.test(text) ? text : `${text}.`;
  return new AgentExit(
    exitCodeOfRefusal(code) ?? AGENT_EXIT.failure,
    `${sentence} (${code})`,
    todo ?? PROBLEMS[code].todo,
  );
}

/** What any error becomes at the top: its line and its exit code. */
export function asAgentExit(error: unknown): AgentExit {
  if (error instanceof AgentExit) return error;
  if (error instanceof OutrunnerError) return exitOfRefusal(error.code, error.message, error.todo);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new AgentExit(AGENT_EXIT.failure, `Something broke in the agent: ${text}`, '', { cause: error });
}

/** The code of a system error (`ENOENT`), or its message when it has none. */
export function systemCode(error: unknown): string {
  if (error instanceof Error) return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  return String(error);
}

/** Whether the system refused a write because there is no room for it, on the disk or for this user. */
export function isFullDisk(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(systemCode(error));
}
