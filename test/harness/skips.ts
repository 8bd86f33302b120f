/** The tests that may be skipped in CI, with the reason: only what needs what CI may not have. */
export const allowedSkips: Readonly<Record<string, string>> = {
  "io: leftovers: an earlier result that must not be written is refused at the start":
    "CI runs as root, who may write everywhere",
  "package: npm pack, installed in an empty folder, runs npx lcomp doctor, check and run":
    "it takes packages from npm's registry, which not every machine reaches",
  "a terminal: the line of progress is gone at the end, every table fits, and the last line names the result":
    "only util-linux has a `script` that makes a pseudo-terminal, and not every machine lets it",
};
