/** What a recipe computes, in whatever words its sources say it: whoever keeps results asks whether a change of texts changes them. */
import type { Outline } from "../compiler/compile.ts";
import type { Graph } from "../compiler/graph/graph.ts";
import { maker } from "../compiler/graph/make.ts";
import type { Body, Node } from "../compiler/graph/ops.ts";
import { contentOf } from "../compiler/graph/show.ts";
import type { CorpusFacts } from "../compiler/model/facts.ts";
import { hash } from "../compiler/plan/sha256.ts";
import { type Ref, type SaveRecord, type Step, tensorsSaved } from "../compiler/plan/step.ts";
import { identifier } from "../compiler/plan/step-keys.ts";
import { windowCounter, windowsRecord } from "../compiler/recipe/records.ts";
import { simplify } from "../compiler/rewrite/simplify.ts";

/**
 * The sha256 of all that would be run, for texts of these lengths: what each step reads, goes over and computes, and which values and
 * files are made of it. Neither the order in which steps and their nodes were made is in it, nor places in sources, names for people,
 * contents of files, devices and the compiler's arithmetic. It ends where something is to be chosen.
 */
export function hashOfComputed(
  { steps, windows, values, saves }: Pick<Outline, "steps" | "windows" | "values" | "saves">,
  corpora: ReadonlyMap<string, CorpusFacts>,
): string {
  const contents = new Map<Graph, string>();
  const contentsOf = (graph: Graph): string => {
    const content = contents.get(graph) ?? hash(contentOf(inOrderOfReading(simplify(graph))));
    contents.set(graph, content);
    return content;
  };
  const result: Step = { ...nothing, program: hash("result"), reads: readByResults(values, saves) };
  const all = [...steps.map((step) => ({ ...step, program: contentsOf(step.program) })), result];
  const programs = all.map(({ program }) => ({ ...noProgram, name: program, graph: program }));
  const recordOf = windowsRecord(windowCounter(corpora));
  const identify = identifier(
    { steps: all, programs, stages: [] },
    {
      device: "",
      tensor: (model, tensor) => JSON.stringify([model, tensor]),
      windows: (number) => JSON.stringify(windows.slice(number, number + 1).map(recordOf)),
    },
  );
  const keys = all.map((_, at) => identify(at)?.key);
  const records = [
    values.map(({ kind, text, of, value }) => [kind, text, of, typeof value === "number" ? value : null]),
    saves.map(({ of, origin, format, config, flags, quantization, adapter }) => [
      ...[of, origin, format, config, flags, withoutTexts(quantization), adapter?.config],
    ]),
  ];
  return hash(JSON.stringify([keys.at(-1), [...new Set(keys)].sort(), records]));
}

/** How config.json describes codes, without the texts that it has of the library. */
const withoutTexts = (quantization: string | null): unknown =>
  quantization === null
    ? null
    : JSON.parse(quantization, (key, value) => (key === "modules" ? Object.keys(value) : value));

const noProgram = { buffers: [], regions: [], setup: [], main: [] };
const nothing = {
  ...{ over: null, checks: [], durable: [], places: {} },
  part: { stage: null, of: "", layer: null, what: "result" },
};

/** Where all that is reported and saved comes from. */
const readByResults = (values: Outline["values"], saves: readonly SaveRecord[]): Step["reads"] =>
  Object.fromEntries([
    ...values.flatMap(({ value }, i): (readonly [string, Ref])[] =>
      typeof value === "number" ? [] : [[`value ${i}`, value]],
    ),
    ...saves.flatMap((save) =>
      tensorsSaved(save).map(({ from, ...saved }) => [JSON.stringify([save.of, saved]), from] as const),
    ),
  ]);

/** The same graph, with its nodes as whoever reads it from its outputs, by their names, first needs them. */
function inOrderOfReading({ name, outputs: unordered }: Body): Body {
  const outputs = unordered.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const { copy, body } = maker();
  const images = new Map<Node, Node>();
  const imageOf = (node: Node): Node => images.get(node) as Node;
  const open = outputs.map(({ node }) => node).reverse();
  for (let node = open.at(-1); node !== undefined; node = open.at(-1)) {
    const inputs: readonly Node[] = node.inputs;
    const missing = inputs.filter((input) => !images.has(input));
    open.push(...missing.reverse());
    if (missing.length > 0) continue;
    open.pop();
    if (!images.has(node)) images.set(node, copy(withBodiesInOrder(node), imageOf));
  }
  return body(
    name,
    outputs.map((output) => ({ ...output, node: imageOf(output.node) })),
  );
}

/** A sweep with its bodies in order; any other node as it is. */
function withBodiesInOrder(node: Node): Node {
  if (node.op !== "feedback") return node;
  const levels = node.attrs.levels.map((level) => ({ ...level, body: inOrderOfReading(level.body) }));
  return { ...node, attrs: { ...node.attrs, levels } };
}
