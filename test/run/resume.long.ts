/** SIGKILL at twenty moments, from the first step to the last file. */
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { randomOf, seed } from "../ops/random.ts";
import { give, killed, undisturbed } from "./kills.ts";

suite(`run: killed twenty times, LCOMP_SEED=${seed}`, ({ test }) => {
  for (let round = 0; round < 4; round++)
    test(
      `five times in a row, round ${round}`,
      inFolder(async (folder) => {
        const given = await give(folder);
        const { records } = await undisturbed();
        const random = randomOf("kills", round);
        const moments = Array.from({ length: 5 }, () => random.integer(0, records)).sort((a, b) => a - b);
        await killed(
          given,
          moments.map((count) => ({ count, more: random.integer(0, 100) })),
        );
      }),
    );
});
