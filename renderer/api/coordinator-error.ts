import { OutrunnerError, type Problem, ProblemCodeSchema } from '../../protocol/problems.ts';

/**
 * A problem that the coordinator answered with. Title, what to do and the fields are the coordinator's own words, also for
 * a code that this console does not know yet (then `code` is `internal`).
 */
export class CoordinatorError extends OutrunnerError {
  readonly problem: Problem;

  constructor(problem: Problem) {
    const code = ProblemCodeSchema.safeParse(problem.code);
    super(code.success ? code.data : 'internal', { detail: problem.detail, fields: problem.fields });
    this.name = 'CoordinatorError';
    this.problem = problem;
  }

  override get status(): number {
    return this.problem.status;
  }

  override get todo(): string {
    return this.problem.todo;
  }

  /** Finds the request in the coordinator's log. */
  get requestId(): string | undefined {
    return this.problem.requestId;
  }
}

/** Any thrown value as an {@link OutrunnerError}; what is not one already is a fault of the console itself. */
export function asOutrunnerError(error: unknown): OutrunnerError {
  if (error instanceof OutrunnerError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new OutrunnerError('internal', { detail: `The console failed: ${detail}`, cause: error });
}
