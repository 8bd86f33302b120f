// The one error that a user may see as it is: everything else that is thrown is a bug.

/** What else an error can carry besides its sentence. */
interface UserErrorOptions {
  readonly cause?: unknown;
  readonly exitCode?: number;
}

/** A fault in the user's environment (file, device, network): one sentence that names the thing and the way out. */
export class UserError extends Error {
  readonly exitCode: number;

  constructor(message: string, { cause, exitCode = 1 }: UserErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "UserError";
    this.exitCode = exitCode;
  }
}
