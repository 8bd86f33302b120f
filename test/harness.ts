/**
 * `suite(name, define)` over uvu. It always runs what it defines (a forgotten `.run()` reports success in uvu), offers no
 * hooks (an exception in uvu's `before` reports success), and names what it skips so that the runner can count it.
 */
import { suite as uvu } from "uvu";

/** A test tagged "swiftshader" belongs to the subset that CI repeats on SwiftShader. */
export type Tag = "swiftshader";

export interface Suite {
  readonly test: (name: string, body: () => void | Promise<void>, ...tags: Tag[]) => void;
  /** Registers a test that cannot run here; in CI it is a failure unless test/skips.ts allows it. */
  readonly skip: (name: string, reason: string, ...tags: Tag[]) => void;
}

/** The line that run.ts looks for: one for each skipped test. */
export const skipMark = "skipped test: ";

export function suite(name: string, define: (suite: Suite) => undefined): void {
  const only = process.env["LCOMP_TEST_TAG"];
  const isChosen = (tags: readonly string[]): boolean => only === undefined || tags.includes(only);
  const tests = uvu(name);
  define({
    test: (title, body, ...tags) => {
      if (isChosen(tags)) tests(title, body);
    },
    skip: (title, reason, ...tags) => {
      if (!isChosen(tags)) return;
      process.stdout.write(`${skipMark}${JSON.stringify({ test: `${name}: ${title}`, reason })}\n`);
      tests.skip(title);
    },
  });
  tests.run();
}
