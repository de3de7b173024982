/** Why a coordinator did not start, as an exit code of its process. Documented in `docs/settings.md`. */
export const START_EXIT = {
  /** A setting is wrong or two do not fit together. */
  settings: 2,
  /** The data folder or the database cannot be used. */
  data: 10,
  /** Another coordinator uses the data folder. */
  locked: 11,
  /** The address cannot be listened on. */
  listen: 12,
} as const;

/** Something that a person can mend before the next start: one clear line, no stack. */
export class StartError extends Error {
  readonly kind: keyof typeof START_EXIT;

  constructor(kind: keyof typeof START_EXIT, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StartError';
    this.kind = kind;
  }

  get exitCode(): number {
    return START_EXIT[this.kind];
  }
}
