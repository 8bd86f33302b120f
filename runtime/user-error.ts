// The one error that a user may see as it is: everything else that is thrown is a bug.

/** What else an error can carry besides its sentence. */
interface UserErrorOptions {
  readonly cause?: unknown;
  readonly exitCode?: number;
  /** What can be done with what is there, as a line of its own. */
  readonly advice?: string | null;
}

/** A fault in the user's environment (file, device, network): one sentence that names the thing and the way out. */
export class UserError extends Error {
  readonly exitCode: number;
  readonly advice: string | null;

  constructor(message: string, { cause, exitCode = 1, advice = null }: UserErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "UserError";
    this.exitCode = exitCode;
    this.advice = advice;
  }
}
