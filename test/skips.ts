/** The tests that may be skipped in CI, with the reason: only what needs what CI may not have. */
export const allowedSkips: Readonly<Record<string, string>> = {
  "package: npm pack, installed in an empty folder, runs npx lcomp doctor, check and run":
    "it takes packages from npm's registry, which not every machine reaches",
};
