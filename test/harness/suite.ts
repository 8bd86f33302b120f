/**
 * `suite(name, define)` over uvu. It always runs what it defines (a forgotten `.run()` reports success in uvu), offers no
 * hooks (an exception in uvu's `before` reports success), and names what it skips so that the runner can count it.
 */
import { suite as uvu } from "uvu";

/** A test tagged "swiftshader" belongs to the subset that CI repeats on SwiftShader. */
export type Tag = "swiftshader";

export interface Suite {
  readonly test: (name: string, body: () => void | Promise<void>, ...tags: Tag[]) => void;
  /** Registers a test that cannot run here; in CI it is a failure unless test/harness/skips.ts allows it. */
  readonly skip: (name: string, reason: string, ...tags: Tag[]) => void;
}

/** The `test` of a suite for what cannot run everywhere: where there is a reason, it is skipped by its name. */
export const testUnless =
  (reason: string | null, { test, skip }: Suite): Suite["test"] =>
  (name, body, ...tags) =>
    reason === null ? test(name, body, ...tags) : skip(name, reason, ...tags);

/** The line that run.ts looks for: one for each skipped test. */
export const skipMark = "skipped test: ";

/** LCOMP_TEST_TAG and LCOMP_TEST_NAME, a part of the title, choose among the tests. */
export function suite(name: string, define: (suite: Suite) => undefined): void {
  const { LCOMP_TEST_TAG: only, LCOMP_TEST_NAME: part = "" } = process.env;
  const isChosen = (title: string, tags: readonly string[]): boolean =>
    title.includes(part) && (only === undefined || tags.includes(only));
  const tests = uvu(name);
  define({
    test: (title, body, ...tags) => {
      if (isChosen(title, tags)) tests(title, body);
    },
    skip: (title, reason, ...tags) => {
      if (!isChosen(title, tags)) return;
      process.stdout.write(`${skipMark}${JSON.stringify({ test: `${name}: ${title}`, reason })}\n`);
      tests.skip(title);
    },
  });
  tests.run();
}
