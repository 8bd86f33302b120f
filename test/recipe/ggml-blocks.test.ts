/** ggml's formats: blocks of random bytes are the weights that the gguf package makes of them (test/peers/ggml_blocks.py), to the bit. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { check } from "../../compiler/check.ts";
import { interpret } from "../../compiler/graph/interpret.ts";
import { maker } from "../../compiler/graph/make.ts";
import { slotNames } from "../../compiler/graph/slots.ts";
import { newContext } from "../../compiler/language/context.ts";
import { declareModules } from "../../compiler/language/declare.ts";
import { evaluate } from "../../compiler/language/evaluate.ts";
import { problemsOf } from "../../compiler/language/refuse.ts";
import { scopeIn } from "../../compiler/language/scope.ts";
import { fixed } from "../../compiler/language/size.ts";
import { readCoded } from "../../compiler/model/coded-matrix.ts";
import { fieldsFor } from "../../compiler/model/coded-type.ts";
import { isPacked } from "../../compiler/plan/dtype.ts";
import { families } from "../../compiler/schedule/family.ts";
import { describeBlocks } from "../../compiler/target/blocks.ts";
import { expressionIn } from "../../grammar/parse.ts";
import type { Span } from "../../grammar/source.ts";
import { library } from "../given/library.ts";
import { suite } from "../harness/suite.ts";
import { decodePacked } from "../ops/packed.ts";
import { type Bench, openBench } from "../ops/run.ts";
import type { Case } from "../ops/sketch.ts";
import { root } from "../repository/sources.ts";

interface Row {
  readonly name: string;
  readonly blocks: string;
  readonly weights: string;
}

const record: { readonly shape: readonly [number, number]; readonly rows: readonly Row[] } = JSON.parse(
  readFileSync(join(root, "test/peers/ggml_blocks.json"), "utf8"),
);

const modules = ["ggml", "k_quants", "iq4"].map((name) => `std/quantize/${name}`);

/** The graph that decodes a type, with what the blocks of a row have in each field. */
function decoding({ name, blocks, weights }: Row): Case {
  const module = modules.find((each) => library.read(each)?.text.includes(`format ${name}(`)) ?? "";
  const graphs = maker();
  const context = newContext(graphs);
  const { scopes } = declareModules(context, check(library, module).artifact?.modules ?? []);
  const span: Span = { file: { path: module, text: `${name}()` }, start: 0, end: 0 };
  const called = expressionIn({ path: "a test", text: `fn format() =\n${name}()` });
  const format = called && evaluate(context, scopes.get(module) ?? scopeIn(null), called);
  if (format?.kind !== "format") throw new Error(`${module} has no format ${name}`);
  const [rows] = record.shape;
  const columns = Buffer.from(weights, "base64").byteLength / 4 / rows;
  const dim = (id: string, size: number) => ({ id, name: id, size: fixed(size), source: "the test" });
  const fields = fieldsFor(context, { to: [dim("out", rows)], from: [dim("in", columns)] }, format, span) ?? [];
  const weight = readCoded(context, { format, fields }, slotNames.weight, span);
  assert.equal(problemsOf(context), []);
  assert.equal(
    weight?.dims.map(({ id }) => id),
    ["out", "in"],
  );
  const matrix = { name: slotNames.weight, module, format: name, at: { shape: [rows, columns] } };
  const places = describeBlocks(library, [matrix]).fields.get(slotNames.weight);
  const bytes = Buffer.from(blocks, "base64");
  const inputs = fields.map((field, i): [string, Float64Array] => {
    const { start = 0, width = 0, stride = 1 } = places?.[i] ?? {};
    const each = Array.from({ length: bytes.byteLength / stride }, (_, at) =>
      bytes.subarray(at * stride + start, at * stride + start + width),
    );
    if (!isPacked(field.dtype)) throw new Error(`${name} has a field of ${field.dtype}`);
    return [slotNames.field(slotNames.weight, field.name), decodePacked(field.dtype, Buffer.concat(each))];
  });
  const graph = graphs.graph("decode", weight ? [{ name: slotNames.result, node: weight.node }] : []);
  return { graph, inputs: new Map(inputs) };
}

const wanted = ({ weights }: Row): number[] => [
  ...new Float32Array(new Uint8Array(Buffer.from(weights, "base64")).buffer),
];

const single = (values: Float64Array | undefined): number[] => [...Float32Array.from(values ?? [])];

let bench: Promise<Bench> | undefined;

suite("formats of ggml: random blocks", ({ test }) => {
  for (const row of record.rows) {
    test(`${row.name}: decode means what the gguf package makes of a block`, () => {
      const { graph, inputs } = decoding(row);
      assert.equal(single(interpret(graph, inputs).get(slotNames.result)), wanted(row));
    });

    for (const family of families)
      test(
        `${row.name}: and so do kernels, ${family} schedules`,
        async () => {
          bench ??= openBench();
          const { run } = await bench;
          const { outputs } = await run(decoding(row), family);
          assert.equal(single(outputs.get(slotNames.result)), wanted(row));
        },
        "swiftshader",
      );
  }
});
