import * as assert from "uvu/assert";
import { ascending } from "../../compiler/graph/ordering.ts";
import { bestBody } from "../../compiler/kernel/best-body.ts";
import type { Best, BestSchedule } from "../../compiler/schedule/best.ts";
import { scheduleBest } from "../../compiler/schedule/schedule-best.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { suite } from "../harness/suite.ts";
import { randomOf } from "../ops/random.ts";
import { kernelText, runKernel } from "./bodies-run.ts";
import { validateWgsl } from "./validate-wgsl.ts";

type Floats = Float32Array<ArrayBuffer>;

const functionsOf = ({ n }: Best): string => `fn load_score(row: u32, i: u32) -> f32 { return x0[row * ${n}u + i]; }
fn store_mask(row: u32, i: u32, kept: bool) { y[row * ${n}u + i] += select(2.0, 1.0, kept); }`;

/** 1 for the `keep` last of each row after a stable ascending sort, 2 for the others. */
function expected({ rows, n, keep }: Best, scores: Floats): Floats {
  const mask = new Float32Array(rows * n).fill(2);
  for (let row = 0; row < rows; row++) {
    const order = Array.from({ length: n }, (_, i) => row * n + i);
    order.sort((a, b) => ascending(scores[a] ?? NaN, scores[b] ?? NaN));
    for (const at of order.slice(n - keep)) mask[at] = 1;
  }
  return mask;
}

const device = await openDevice();
const { facts } = device;

/** All that the device can run. */
const schedulesFor = ({ n }: Best): readonly BestSchedule[] => [
  ...(n <= 16 ? [{ kind: "rank", workgroup: 64 } as const] : []),
  { kind: "alone", workgroup: 8 },
  { kind: "workgroup", workgroup: 32 },
  ...(facts.hasSubgroups && facts.subgroupMinSize === facts.subgroupMaxSize
    ? [{ kind: "subgroup", subgroup: facts.subgroupMaxSize } as const]
    : []),
];

async function compare(best: Best, schedule: BestSchedule, scores: Floats): Promise<void> {
  const body = bestBody(best, schedule);
  const code = kernelText(body, 1, functionsOf(best));
  const actual = await runKernel(device, code, body.workgroups, [scores], scores.length);
  const wanted = expected(best, scores);
  const at = actual.findIndex((x, i) => x !== wanted[i]);
  const which = `${JSON.stringify(best)} by ${JSON.stringify(schedule)}`;
  assert.is(at, -1, `${which}: element ${at}, score ${scores[at]}, is ${actual[at]} and not ${wanted[at]}`);
}

suite("best bodies", ({ test }) => {
  test(
    "every schedule keeps what a stable sort keeps",
    async () => {
      const { unit, pick, integer } = randomOf("best");
      const draws = [
        () => 2 * unit() - 1,
        () => integer(-2, 2),
        () => pick([0, -0, 1e-30, -1e-30, Infinity, -Infinity]),
      ];
      for (const n of [1, 2, 4, 15, 16, 17, 64, 129]) {
        const rows = pick([1, 3, 70]);
        const best = { rows, n, keep: pick([0, 1, Math.ceil(n / 2), n]) };
        const draw = pick(draws);
        const scores = Float32Array.from({ length: rows * n }, draw);
        for (const schedule of schedulesFor(best)) await compare(best, schedule, scores);
      }
    },
    "swiftshader",
  );

  test("of equals the later stay, also where a row has nothing else", async () => {
    for (const n of [5, 100]) {
      const best = { rows: 2, n, keep: 3 };
      for (const schedule of schedulesFor(best)) await compare(best, schedule, new Float32Array(2 * n).fill(-0.5));
    }
  });

  test("NaN of either sign is below -∞, and exactly `keep` stay", async () => {
    const { pick } = randomOf("NaN");
    const words = [0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff, 0xff800000, 0x7f800000, 0x3f800000];
    for (const n of [4, 16, 17, 129])
      for (const keep of [1, n / 2, n - 1].map(Math.floor)) {
        const bits = Uint32Array.from({ length: 5 * n }, (_, i) => (i < n ? 0xffc00000 : pick(words)));
        for (const schedule of schedulesFor({ rows: 5, n, keep }))
          await compare({ rows: 5, n, keep }, schedule, new Float32Array(bits.buffer));
      }
  });

  test("more rows than a dimension has workgroups", async () => {
    const { unit } = randomOf("many rows");
    const best = { rows: 70_000, n: 17, keep: 5 };
    const scores = Float32Array.from({ length: best.rows * best.n }, unit);
    await compare(best, scheduleBest(best, facts, "software"), scores);
  });

  test("a million cells of four", async () => {
    const { integer } = randomOf("cells");
    const best = { rows: 1_000_000, n: 4, keep: 2 };
    const scores = Float32Array.from({ length: best.rows * best.n }, () => integer(-3, 3));
    await compare(best, scheduleBest(best, facts, "gpu"), scores);
  });

  test("one row of a million", async () => {
    const { unit } = randomOf("one row");
    for (const family of ["software", "gpu"] as const) {
      const n = 1_000_000;
      const best = { rows: 1, n, keep: Math.floor(n / 3) };
      const scores = Float32Array.from({ length: n }, () => Math.round(unit() * 1e5) / 1e5);
      await compare(best, scheduleBest(best, facts, family), scores);
    }
  });

  test("every body is valid WGSL", async () => {
    const fixed = { ...facts, hasSubgroups: true, subgroupMinSize: 8, subgroupMaxSize: 8 };
    for (const family of ["software", "gpu"] as const)
      for (const n of [1, 4, 16, 17, 1000, 1 << 20])
        for (const device of [fixed, { ...fixed, hasSubgroups: false }]) {
          const best = { rows: 3, n, keep: Math.ceil(n / 2) };
          const code = kernelText(bestBody(best, scheduleBest(best, device, family)), 1, functionsOf(best));
          assert.equal(await validateWgsl(code), [], code);
        }
  });
});
