import * as assert from "uvu/assert";
import { contractionBody } from "../../compiler/kernel/contraction-body.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import type { Contraction, ContractionSchedule } from "../../compiler/schedule/contraction.ts";
import { families } from "../../compiler/schedule/family.ts";
import { panelWidth, scheduleContraction, schedulesFor } from "../../compiler/schedule/schedule-contraction.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { suite } from "../harness/suite.ts";
import { randomOf } from "../ops/random.ts";
import { kernelText, runKernel } from "./bodies-run.ts";
import { validateWgsl } from "./validate-wgsl.ts";

type Floats = Float32Array<ArrayBuffer>;

const base: Contraction = { batch: 1, m: 1, n: 1, k: 1, accumulators: 1, half: false };

/** Functions of a header: rectified first factors, row-major or panelled second ones, and an epilogue of all sums. */
function functionsOf({ m, n, k, accumulators, panels }: Contraction): string {
  const width = panels?.width ?? n;
  const count = Math.ceil(n / width);
  const address = `((batch * ${count}u + n / ${width}u) * ${k}u + k) * ${width}u + n % ${width}u`;
  const all = Array.from({ length: accumulators }, (_, i) => i);
  return `fn load_a(batch: u32, m: u32, k: u32) -> f32 { return max(x0[(batch * ${m}u + m) * ${k}u + k], -0.5); }
${all.map((i) => `fn load_b${i}(batch: u32, k: u32, n: u32) -> f32 { return x${i + 1}[${address}]; }`).join("\n")}
fn store(batch: u32, m: u32, n: u32, ${all.map((i) => `s${i}: f32`).join(", ")}) {
  y[(batch * ${m}u + m) * ${n}u + n] = ${all.map((i) => `s${i}`).join(" * ")};
}`;
}

/** The factors, exact in f16 if they must be. Padding is not a number, and must not be read as one. */
function factorsOf(c: Contraction, draw: () => number): readonly Floats[] {
  const value = (): number => (c.half ? Math.round(draw() * 64) / 64 : draw());
  const a = Float32Array.from({ length: c.batch * c.m * c.k }, value);
  const width = c.panels?.width ?? c.n;
  const padded = Math.ceil(c.n / width) * width;
  const columnAt = (at: number): number => (Math.floor(at / (c.k * width)) * width + (at % width)) % padded;
  const b = Array.from({ length: c.accumulators }, () =>
    Float32Array.from({ length: c.batch * c.k * padded }, (_, at) => (columnAt(at) < c.n ? value() : NaN)),
  );
  return [a, ...b];
}

/** The epilogue of the sums in float32, one product added at a time. */
function expected(c: Contraction, [a, ...b]: readonly Floats[]): Floats {
  const width = c.panels?.width ?? c.n;
  const count = Math.ceil(c.n / width);
  return Float32Array.from({ length: c.batch * c.m * c.n }, (_, at) => {
    const [batch, m, n] = [Math.floor(at / (c.m * c.n)), Math.floor(at / c.n) % c.m, at % c.n];
    const sums = b.map((factor) => {
      let sum = -0;
      for (let k = 0; k < c.k; k++) {
        const first = Math.max(a?.[(batch * c.m + m) * c.k + k] ?? NaN, -0.5);
        const second = factor[((batch * count + Math.floor(n / width)) * c.k + k) * width + (n % width)] ?? NaN;
        sum = Math.fround(sum + Math.fround(first * second));
      }
      return sum;
    });
    return sums.reduce((product, sum) => Math.fround(product * sum));
  });
}

const bitsOf = (values: Floats): Uint32Array => new Uint32Array(values.buffer);

/** Where two arrays differ in their bits, in words; NaN equals NaN. */
function difference(actual: Floats, wanted: Floats): string | undefined {
  const [a, b] = [bitsOf(actual), bitsOf(wanted)];
  const at = a.findIndex((bits, i) => bits !== b[i] && !(Number.isNaN(actual[i]) && Number.isNaN(wanted[i])));
  return at < 0 ? undefined : `element ${at} is ${actual[at]} and not ${wanted[at]}`;
}

const shown = (c: Contraction, schedule: ContractionSchedule): string =>
  `${JSON.stringify(c)} by ${JSON.stringify(schedule)}`;

const device = await openDevice();

async function run(c: Contraction, schedule: ContractionSchedule, factors: readonly Floats[]): Promise<Floats> {
  const body = contractionBody(c, schedule);
  const code = kernelText(body, factors.length, functionsOf(c));
  return runKernel(device, code, body.workgroups, factors, c.batch * c.m * c.n);
}

/** Every kind of schedule on this contraction, with equal bits; subgroup matrices to within the rounding of sums. */
async function compare(c: Contraction, schedule: ContractionSchedule, draw: () => number): Promise<void> {
  const factors = factorsOf(c, draw);
  const [actual, wanted] = [await run(c, schedule, factors), expected(c, factors)];
  if (schedule.kind !== "matrix" && device.facts.software) {
    const found = difference(actual, wanted);
    assert.is(found, undefined, `${shown(c, schedule)}: ${found}`);
    return;
  }
  // A sum of k products below 1 is off by at most k · k · 2^-24, and so is a product of two such sums, times k.
  const tolerance = c.k ** (c.accumulators + 1) * 2 ** -23;
  const at = actual.findIndex((x, i) => !(Math.abs(x - (wanted[i] ?? NaN)) <= tolerance));
  assert.is(at, -1, `${shown(c, schedule)}: element ${at} is ${actual[at]} and not ${wanted[at]}`);
}

/** Facts of a GPU that has everything. */
const fullFacts: DeviceFacts = {
  ...device.facts,
  kind: "gpu",
  software: false,
  hasF16: true,
  hasSubgroups: true,
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  subgroupMatrices: [
    { component: "f16", result: "f32", M: 16, N: 16, K: 16 },
    { component: "f16", result: "f32", M: 8, N: 8, K: 8 },
  ],
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupStorageSize: 32768,
};

suite("contraction bodies", ({ test }) => {
  for (const family of families) {
    test(`schedules of the ${family} family drawn at random give the sums of float32 arithmetic`, async () => {
      for (let round = 0; round < 16; round++) {
        const { integer, pick, unit } = randomOf(`contraction ${family}`, round);
        const sizes = [1, 2, 3, 5, 7, 8, 16, 17, 31, 32, 33, 48, 67];
        const shape = { batch: pick([1, 1, 2, 3]), m: pick(sizes), n: pick(sizes), k: pick(sizes) };
        const panels =
          family === "software" && integer(0, 1) === 1 ? { panels: { width: pick([4, 8, 16, 24, 32]) } } : {};
        const c = { ...base, ...shape, ...panels, accumulators: integer(1, 2), half: integer(0, 1) === 1 };
        await compare(c, pick(schedulesFor(c, device.facts, family)), () => 2 * unit() - 1);
      }
    });

    test(
      `each kind of schedule of the ${family} family meets edges in all directions`,
      async () => {
        const c = { ...base, batch: 2, m: 37, n: 43, k: 21, accumulators: 2, half: true };
        const { unit } = randomOf(`edges ${family}`);
        const kinds = new Map(schedulesFor(c, device.facts, family).map((schedule) => [schedule.kind, schedule]));
        for (const schedule of kinds.values()) await compare(c, schedule, () => 2 * unit() - 1);
      },
      "swiftshader",
    );

    test(`what the ${family} family chooses for a product is legal and right`, async () => {
      const { unit } = randomOf(`chosen ${family}`);
      for (const [m, n, k] of [
        [70, 130, 40],
        [1, 300, 300],
        [300, 1, 300],
        [2, 2, 2],
      ] as const) {
        const plain = { ...base, m, n, k };
        const width = panelWidth(plain, device.facts, family);
        const c = width === undefined ? plain : { ...plain, panels: { width } };
        await compare(c, scheduleContraction(c, device.facts, family), () => 2 * unit() - 1);
      }
    });

    test(`a batch of more than 65535 is folded in the ${family} family`, async () => {
      const c = { ...base, batch: 70_000, m: 2, n: 3, k: 2 };
      const { unit } = randomOf(`folded ${family}`);
      const kinds = new Map(schedulesFor(c, device.facts, family).map((schedule) => [schedule.kind, schedule]));
      for (const schedule of kinds.values()) await compare(c, schedule, () => 2 * unit() - 1);
    });
  }

  test("infinities, NaN and -0 go where float32 arithmetic takes them, and no further", async () => {
    const c = { ...base, m: 19, n: 21, k: 11 };
    const { pick } = randomOf("special");
    for (const family of families)
      for (const schedule of new Map(schedulesFor(c, device.facts, family).map((one) => [one.kind, one])).values())
        await compare(c, schedule, () => pick([0, -0, -0, 0.25, 1, 1, 1, 3e38, Infinity, -Infinity]));
  });

  test("a sum of -0 alone is -0 in every schedule", async () => {
    for (const k of [1, 2, 8, 9]) {
      const c = { ...base, m: 3, n: 9, k };
      for (const family of families)
        for (const schedule of new Map(schedulesFor(c, device.facts, family).map((one) => [one.kind, one])).values())
          await compare(c, schedule, () => -0);
    }
  });

  test("every body is valid WGSL", async () => {
    for (const accumulators of [1, 2])
      for (const sides of [
        { m: 64, n: 128, k: 64 },
        { m: 5, n: 7, k: 3 },
      ]) {
        const c = { ...base, ...sides, accumulators, half: true };
        const all = families.flatMap((family) => schedulesFor(c, fullFacts, family));
        assert.is(new Set(all.map(({ kind }) => kind)).size, 4);
        for (const schedule of all) {
          const body = contractionBody(c, schedule);
          const found = await validateWgsl(kernelText(body, 1 + accumulators, functionsOf(c)));
          assert.equal(found, [], shown(c, schedule));
        }
      }
  });
});
