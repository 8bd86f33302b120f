import * as assert from "uvu/assert";
import { compileGraph } from "../../compiler/compile-graph.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import { type Family, families } from "../../compiler/schedule/family.ts";
import { facts } from "../fuse/sketch.ts";
import { suite } from "../harness/suite.ts";
import { naming } from "../ops/names.ts";
import { randomOf, seed } from "../ops/random.ts";
import { sketch } from "../ops/sketch.ts";
import { validateWgsl } from "./validate-wgsl.ts";

const rounds = 3;

/** Compiles the case once to see the words of its kernels, then with a dimension called as each of them. */
async function verifyWords(name: string, round: number, family: Family): Promise<void> {
  const make = naming[name];
  assert.ok(make);
  const others = ["second", "third"] as const;
  const kernelsWith = (word: string): readonly string[] =>
    compileGraph(simplify(make(sketch(randomOf(`${name} ${family}`, round)), [word, ...others]).graph), facts, {
      family,
    }).kernels.map(({ wgsl }) => wgsl);
  const words = new Set(kernelsWith("first").flatMap((wgsl) => wgsl.match(/\b[A-Za-z_]\w*/g) ?? []));
  for (const word of words)
    if (!others.some((other) => other === word))
      for (const wgsl of kernelsWith(word))
        assert.equal(await validateWgsl(wgsl), [], `a dimension called ${word}:\n${wgsl}`);
}

suite(`names of dimensions, LCOMP_SEED=${seed}`, ({ test }) => {
  for (const name of Object.keys(naming))
    for (const family of families)
      test(`${name}, ${family} schedules: a dimension may be called as any word of its kernel`, async () => {
        for (let round = 0; round < rounds; round++) await verifyWords(name, round, family);
      });
});
