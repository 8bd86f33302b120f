/** SIGKILL at twenty moments, from the first step to the last file. */
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { randomOf, seed } from "../ops/random.ts";
import { give, killed, type Room, undisturbed } from "./kills.ts";

suite(`run: killed twenty times, LCOMP_SEED=${seed}`, ({ test }) => {
  const rooms: readonly Room[] = ["4MB", "1MiB", "4MB", "1MiB"];
  for (const [round, room] of rooms.entries())
    test(
      `five times in a row, round ${round}, with ${room} on the disk`,
      inFolder(async (folder) => {
        const given = await give(folder);
        const { records } = await undisturbed(room);
        const random = randomOf("kills", round);
        const moments = Array.from({ length: 5 }, () => random.integer(0, records)).sort((a, b) => a - b);
        await killed(
          given,
          moments.map((count) => ({ count, more: random.integer(0, 100) })),
          room,
        );
      }),
    );
});
