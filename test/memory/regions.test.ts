import * as assert from "uvu/assert";
import { type CompiledGraph, compileGraph } from "../../compiler/compile-graph.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Program } from "../../compiler/plan/program.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import { families } from "../../compiler/schedule/family.ts";
import { dot, facts, llamaBlock, rmsNorm, softmax, words } from "../fuse/sketch.ts";
import { suite } from "../harness/suite.ts";

/** Runs setup once and main twice on paper: what is read from a region is what was written there, and nothing is read and written at once. */
function verifyRegions({ program, kernels }: CompiledGraph): void {
  const { buffers, regions, setup, main } = program;
  const holds = new Map<number, number>();
  for (const dispatch of [...setup, ...main, ...main]) {
    const access = kernels.find(({ hash }) => hash === dispatch.kernel)?.bindings ?? [];
    const bound = dispatch.bindings.flatMap(({ buffer, offset, bytes }, i) => {
      const region = buffers[buffer]?.region;
      assert.ok((buffers[buffer]?.slot === undefined) === (region !== undefined), `buffer ${buffer} has one place`);
      if (region === undefined) return [];
      assert.ok(offset + bytes <= (regions[region]?.bytes ?? 0), `buffer ${buffer} fits its region`);
      return [{ buffer, region, isRead: access[i] === "read" }];
    });
    const read = bound.filter(({ isRead }) => isRead);
    const written = bound.filter(({ isRead }) => !isRead);
    for (const { buffer, region } of read) assert.is(holds.get(region), buffer, `%${buffer} is overwritten`);
    for (const { buffer, region } of written) {
      assert.not(read.some((other) => other.region === region));
      holds.set(region, buffer);
    }
  }
}

/** The most that lives at once, whatever the places. */
function mostAlive({ buffers, setup, main }: Program): number {
  const touches = [...setup, ...main].map(({ bindings }) => new Set(bindings.map(({ buffer }) => buffer)));
  const lives = buffers.flatMap(({ id, bytes, slot }) => {
    const [from, to] = [touches.findIndex((ids) => ids.has(id)), touches.findLastIndex((ids) => ids.has(id))];
    const isSetup = from < setup.length && to >= setup.length;
    return slot || from === -1 ? [] : [{ bytes, from: isSetup ? 0 : from, to: isSetup ? touches.length : to }];
  });
  const alive = touches.map((_, i) =>
    lives.reduce((sum, { bytes, from, to }) => sum + (from <= i && i <= to ? bytes : 0), 0),
  );
  return Math.max(0, ...alive);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const total = ({ regions }: Program): number => sum(regions.map(({ bytes }) => bytes));

const graphs: Readonly<Record<string, () => Graph>> = {
  "a small block": () => llamaBlock({ token: 512, model: 128, kv: 2, group: 2, head: 32, mlp: 384 }),
  "a large block": () => llamaBlock({ token: 2048, model: 4096, kv: 8, group: 4, head: 128, mlp: 14336 }, "bf16"),
  "a head": () => {
    const w = words("head");
    const x = rmsNorm(w, w.data("x", { token: 300, model: 200 }), w.weight("gain", { model: 200 }), 200);
    return w.graph({
      y: softmax(w, dot(w, x, w.weight("head", { vocab: 1000, model: 200 }, "f16"), "model"), "vocab"),
    });
  },
};

suite("memory: regions", ({ test }) => {
  for (const family of families)
    for (const [name, graph] of Object.entries(graphs))
      test(`${name} is right and takes at most a tenth more than what lives at once, ${family} schedules`, () => {
        const compiled = compileGraph(simplify(graph()), facts, { family });
        verifyRegions(compiled);
        const [taken, least] = [total(compiled.program), mostAlive(compiled.program)];
        assert.ok(taken >= least && taken <= 1.1 * least, `${taken} bytes, ${least} live at once`);
      });

  for (const family of families)
    test(`strips take less memory, as far as they can, ${family} schedules`, () => {
      const graph = simplify(llamaBlock({ token: 128, model: 32, kv: 2, group: 2, head: 8, mlp: 64 }));
      const whole = compileGraph(graph, facts, { family });
      const scratch = Math.ceil(total(whole.program) / 3);
      const less = compileGraph(graph, facts, { family, scratch });
      verifyRegions(less);
      const lasting = sum(less.program.regions.map(({ bytes, lasts }) => (lasts ? bytes : 0)));
      assert.ok(total(less.program) - lasting <= scratch, `${total(less.program) - lasting} bytes, wanted ${scratch}`);
      const least = compileGraph(graph, facts, { family, scratch: 1 });
      assert.ok(total(least.program) <= total(less.program));
    });
});
