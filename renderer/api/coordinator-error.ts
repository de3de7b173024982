import { OutrunnerError, PROBLEMS, type Problem, ProblemCodeSchema } from '../../protocol/problems.ts';

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

  /** Short, and the same each time. */
  get title(): string {
    return this.problem.title;
  }

  override get todo(): string {
    return this.problem.todo;
  }

  /** Finds the request in the coordinator's log. */
  get requestId(): string | undefined {
    return this.problem.requestId;
  }
}

/** Something that went wrong in the console itself, or that it could not make sense of. */
export class ConsoleFault extends OutrunnerError {
  constructor(detail: string, cause: unknown) {
    super('internal', { detail, cause });
    this.name = 'ConsoleFault';
  }

  get title(): string {
    return 'The console could not go on';
  }

  override get todo(): string {
    return 'Reload the console. If this stays, console and coordinator may be of different versions.';
  }
}

/** The title of a problem: the coordinator's own word, else that of the table. */
export function titleOf(error: OutrunnerError): string {
  if (error instanceof CoordinatorError || error instanceof ConsoleFault) return error.title;
  return PROBLEMS[error.code].title;
}

/** Any thrown value as an {@link OutrunnerError}; what is not one already is a fault of the console itself. */
export function asOutrunnerError(error: unknown): OutrunnerError {
  if (error instanceof OutrunnerError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ConsoleFault(detail, error);
}
