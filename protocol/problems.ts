import { z } from 'zod';
import { INSTALL_PROBLEMS } from './install-problems.ts';
import type { ProblemRow } from './problem-row.ts';

/**
 * Every way in which Outrunner says "no", in one table. `status` is the HTTP status that carries it, `title` is short and
 * the same each time, `todo` tells a person what to do next, `retry` says whether the same call may succeed later.
 * Callers test `code`, never text. Adding a code is additive; a code never changes its meaning.
 */
export const PROBLEMS = {
  'invalid-input': {
    status: 400,
    retry: false,
    title: 'Something in the request is not right',
    todo: 'Correct the named fields and send it again.',
  },
  'invalid-json': {
    status: 400,
    retry: false,
    title: 'The body is not valid JSON',
    todo: 'Send a JSON body with Content-Type application/json.',
  },
  'sign-in-needed': {
    status: 401,
    retry: false,
    title: 'You are not signed in',
    todo: 'Sign in, or send a valid token.',
  },
  'sign-in-refused': {
    status: 401,
    retry: false,
    title: 'Sign-in was refused',
    todo: 'Check the name and password, or use a fresh sign-in link.',
  },
  'token-unknown': { status: 401, retry: false, title: 'This token is not known', todo: 'Create a new token.' },
  'csrf-refused': {
    status: 403,
    retry: false,
    title: 'The request did not come from the console',
    todo: 'Reload the console and try again.',
  },
  'not-allowed': {
    status: 403,
    retry: false,
    title: 'You may not do this',
    todo: 'Ask an administrator for the permission.',
  },
  'not-found': {
    status: 404,
    retry: false,
    title: 'There is nothing here',
    todo: 'It may have been deleted. Check the address.',
  },
  'method-not-allowed': {
    status: 405,
    retry: false,
    title: 'This method is not allowed here',
    todo: 'See the API documentation at /api/docs.',
  },
  'name-taken': { status: 409, retry: false, title: 'This name is already in use', todo: 'Choose another name.' },
  conflict: {
    status: 409,
    retry: false,
    title: 'This does not fit the present state',
    todo: 'Reload and look at what changed.',
  },
  'idempotency-mismatch': {
    status: 409,
    retry: false,
    title: 'This Idempotency-Key was used for a different request',
    todo: 'Use a new key for a new request.',
  },
  'runner-has-work': {
    status: 409,
    retry: false,
    title: 'The Runner has work',
    todo: 'Wait, cancel the work, or repeat with force=true.',
  },
  'project-not-empty': {
    status: 409,
    retry: false,
    title: 'The project has running executions',
    todo: 'Stop them first.',
  },
  'enrolment-needed': {
    status: 409,
    retry: false,
    title: 'There is no open enrolment for this Runner',
    todo: 'Create a new enrolment token for this Runner, then download again.',
  },
  'package-missing': {
    status: 409,
    retry: false,
    title: 'The executable for this platform is not built',
    todo: 'Build it with `npm run build:agents`, then download again.',
  },
  'key-rotation-open': {
    status: 409,
    retry: false,
    title: 'A rotation of the key is under way',
    todo: 'Retire the old key first.',
  },
  'key-single': {
    status: 409,
    retry: false,
    title: 'There is no old key to retire',
    todo: 'Rotate the key first.',
  },
  'key-needed': {
    status: 409,
    retry: false,
    title: 'Some Runners know the old key alone, and cannot learn the new one by themselves',
    todo: 'Upgrade them, or download them again. To retire the key all the same, say leaveBehind: true; they can do nothing more until they are downloaded again.',
  },
  'execution-ended': {
    status: 409,
    retry: false,
    title: 'The execution has already ended',
    todo: 'Nothing is left to stop.',
  },
  'precondition-failed': {
    status: 412,
    retry: false,
    title: 'It was changed by someone else meanwhile',
    todo: 'Reload, then repeat your change.',
  },
  'body-too-large': { status: 413, retry: false, title: 'The body is too large', todo: 'Send less.' },
  'media-type': {
    status: 415,
    retry: false,
    title: 'The body has a type that is not understood',
    todo: 'Send JSON with Content-Type application/json.',
  },
  'range-not-satisfiable': {
    status: 416,
    retry: false,
    title: 'The requested range does not exist',
    todo: 'Ask for a range inside the file.',
  },
  'too-many-requests': { status: 429, retry: true, title: 'Too many attempts', todo: 'Wait a moment, then try again.' },
  internal: {
    status: 500,
    retry: true,
    title: 'Something broke on our side',
    todo: 'Try again; if it stays, look at the coordinator log with the request id.',
  },
  'storage-full': {
    status: 507,
    retry: true,
    title: 'The coordinator has no room left on its disk',
    todo: 'Free some space in the data folder.',
  },
  'shutting-down': { status: 503, retry: true, title: 'The coordinator is stopping', todo: 'Try again in a moment.' },
  'coordinator-unreachable': {
    status: 502,
    retry: true,
    title: 'The coordinator cannot be reached',
    todo: 'Check the address and that it is running.',
  },
  'runner-unreachable': {
    status: 504,
    retry: true,
    title: 'The Runner did not answer',
    todo: 'Look at its status; it may be stopped or cut off.',
  },
  // Desktop shell: saving a package.
  'download-refused': {
    status: 502,
    retry: false,
    title: 'The download is not what was released',
    todo: 'Do not run it. Download again; if it stays, ask whoever runs the coordinator.',
  },
  'file-not-written': {
    status: 507,
    retry: false,
    title: 'The file cannot be written',
    todo: 'Choose another folder, or free some space.',
  },
  // Runner side: what an agent is told, at enrolment or at the handshake.
  'enrolment-token-unknown': {
    status: 401,
    retry: false,
    title: 'This enrolment token is not known',
    todo: 'Download the Runner again from the console.',
  },
  'enrolment-token-used': {
    status: 401,
    retry: false,
    title: 'This enrolment token was already used',
    todo: 'Regenerate the credentials of the Runner in the console and download it again.',
  },
  'enrolment-token-expired': {
    status: 401,
    retry: false,
    title: 'This enrolment token has expired',
    todo: 'Regenerate the credentials of the Runner in the console and download it again.',
  },
  'enrolment-token-revoked': {
    status: 401,
    retry: false,
    title: 'This enrolment token was revoked',
    todo: 'Download the Runner again from the console.',
  },
  'enrolment-wrong-runner': {
    status: 401,
    retry: false,
    title: 'This enrolment token belongs to another Runner',
    todo: 'Use the package that was downloaded for this Runner.',
  },
  'replica-unknown': {
    status: 401,
    retry: false,
    title: 'This identity is not known to the coordinator',
    todo: 'Download the Runner again from the console.',
  },
  'replica-revoked': {
    status: 401,
    retry: false,
    title: 'The credentials of this Runner were revoked',
    todo: 'Download the Runner again from the console.',
  },
  'signature-refused': {
    status: 401,
    retry: false,
    title: 'The signature does not fit the identity',
    todo: 'Download the Runner again from the console.',
  },
  'coordinator-not-trusted': {
    status: 401,
    retry: false,
    title: 'The coordinator is not the one that this Runner was made for',
    todo: 'Check the address in runner.json; download the Runner again if the coordinator was replaced.',
  },
  'protocol-unsupported': {
    status: 426,
    retry: false,
    title: 'The agent speaks a protocol that this coordinator does not know any more',
    todo: 'Install the version of the agent that this coordinator hands out on its host.',
  },
  'protocol-too-new': {
    status: 426,
    retry: false,
    title: 'The agent speaks a protocol that this coordinator does not know yet',
    todo: 'Upgrade the coordinator, or install the version of the agent that it hands out on its host. The agent tries on meanwhile.',
  },
  'session-superseded': {
    status: 409,
    retry: false,
    title: 'Another process connected with the same identity',
    todo: 'Two copies of this Runner are running. Stop one, or download a second replica.',
  },
  'poll-session-unknown': {
    status: 410,
    retry: true,
    title: 'This polling session is not known, or has ended',
    todo: 'The agent opens a new one by itself.',
  },
  ...INSTALL_PROBLEMS,
  // Why an agent does not take an operation.
  'operation-signature': {
    status: 400,
    retry: false,
    title: 'The operation is not signed by the coordinator',
    todo: 'Check the coordinator; the agent refused the work.',
  },
  'operation-expired': {
    status: 400,
    retry: true,
    title: 'The operation was offered too late',
    todo: 'Run the job again.',
  },
  'operation-not-mine': {
    status: 400,
    retry: false,
    title: 'The operation is addressed to another replica',
    todo: 'Run the job again.',
  },
  'operation-refused-by-policy': {
    status: 403,
    retry: false,
    title: 'The policy of the host does not allow this',
    todo: 'Ask the owner of the host to change policy.yaml.',
  },
  'agent-at-capacity': {
    status: 409,
    retry: true,
    title: 'The agent takes no more operations now',
    todo: 'It is offered again when there is room.',
  },
  'agent-disk-full': {
    status: 507,
    retry: true,
    title: 'The host of the Runner has no room left on its disk',
    todo: 'Free some space on the host.',
  },
} as const satisfies Record<string, ProblemRow>;

export type ProblemCode = keyof typeof PROBLEMS;

export const ProblemCodeSchema = z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]);

/** One field of the input and what is wrong with it. `path` is dotted: `tags.0`, `query.limit`, empty for the body itself. */
export const FieldProblemSchema = z.object({ path: z.string(), message: z.string() }).meta({ id: 'FieldProblem' });
export type FieldProblem = z.infer<typeof FieldProblemSchema>;

/** RFC 9457 problem document: what every error answer of the API is. */
export const ProblemSchema = z
  .object({
    type: z.string(),
    code: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    todo: z.string(),
    fields: z.array(FieldProblemSchema),
    requestId: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof ProblemSchema>;

export interface ProblemDetails {
  /** What happened, in this case, for a person. */
  readonly detail?: string;
  readonly fields?: readonly FieldProblem[];
  readonly cause?: unknown;
}

/** The one error type that crosses boundaries; everything else is a bug and is logged where it is caught. */
export class OutrunnerError extends Error {
  readonly code: ProblemCode;
  readonly fields: readonly FieldProblem[];

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(details.detail ?? PROBLEMS[code].title, { cause: details.cause });
    this.name = 'OutrunnerError';
    this.code = code;
    this.fields = details.fields ?? [];
  }

  /** HTTP status of this problem. */
  get status(): number {
    return PROBLEMS[this.code].status;
  }

  /** What a person should do next. */
  get todo(): string {
    return PROBLEMS[this.code].todo;
  }

  /** Whether the same call may succeed later without a change. */
  get retry(): boolean {
    return PROBLEMS[this.code].retry;
  }
}

/** Turns an error into the document that a caller gets. `requestId` helps to find it in the log. */
export function toProblem(error: OutrunnerError, requestId?: string): Problem {
  const row = PROBLEMS[error.code];
  return {
    type: `urn:outrunner:problem:${error.code}`,
    code: error.code,
    title: row.title,
    status: row.status,
    detail: error.message,
    todo: row.todo,
    fields: [...error.fields],
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/** A problem that somebody else told, as an error again; one with a code that is not known here is `internal`. */
export function fromProblem({ code, detail, fields }: Problem): OutrunnerError {
  const known = ProblemCodeSchema.safeParse(code);
  return new OutrunnerError(known.success ? known.data : 'internal', { detail, fields });
}

/** Makes the fields of an `invalid-input` problem from a failed zod parse; `prefix` names the part: `query`, `params`. */
export function fieldsOf(error: z.ZodError, prefix = ''): FieldProblem[] {
  return error.issues.flatMap((issue) => {
    const at = [prefix, ...issue.path.map(String)].filter((part) => part !== '').join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: at === '' ? key : `${at}.${key}`, message: 'This field is not known.' }));
    }
    if (issue.code === 'invalid_union') return unionFields(issue, at);
    return [{ path: at, message: issue.message }];
  });
}

/** Of a choice, what is wrong with the alternative that fits best; the choice's own words too, when it has some. */
function unionFields(issue: z.core.$ZodIssueInvalidUnion, at: string): FieldProblem[] {
  const alternatives = issue.errors.map((issues) => fieldsOf(new z.ZodError(issues), at));
  const best = alternatives.reduce<FieldProblem[]>(
    (found, fields) => (found.length === 0 || fields.length <= found.length ? fields : found),
    [],
  );
  const own = issue.message === 'Invalid input' && best.length > 0 ? [] : [{ path: at, message: issue.message }];
  return [...own, ...best.filter((field) => !own.some((one) => one.path === field.path))];
}
