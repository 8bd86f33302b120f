/** The tests that may be skipped in CI, with the reason: only what needs hardware that CI has not. */
export const allowedSkips: Readonly<Record<string, string>> = {};
