/** Short words for writing graphs in tests, with random values for their inputs. */
import type { Graph, Output } from "../../compiler/graph/graph.ts";
import { maker } from "../../compiler/graph/make.ts";
import type { Body, InputRole, Node, OpName, Ops } from "../../compiler/graph/ops.ts";
import { count, type Dim } from "../../compiler/graph/type.ts";
import type { DType } from "../../compiler/plan/dtype.ts";
import type { Span } from "../../grammar/source.ts";
import { type Draw, draws, type Random } from "./random.ts";

/** A graph and a value for each of its inputs, row-major in the order of the input's dims. */
export interface Case {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, Float64Array>;
}

export type Sizes = Readonly<Record<string, number>>;

export interface InputOptions {
  readonly draw?: Draw;
  readonly dtype?: DType;
  readonly role?: InputRole;
}

type WithoutAttrs = { [K in OpName]: Record<never, never> extends Ops[K]["attrs"] ? K : never }[OpName];

export interface Sketch {
  readonly random: Random;
  /** An input with the next name of x0, x1 …, f32 data drawn from the normal distribution unless the options say otherwise. */
  readonly input: (sizes: Sizes, options?: InputOptions) => Node;
  readonly constant: (value: number, dtype?: DType) => Node;
  readonly index: (name: string, size: number) => Node;
  /** A primitive without attributes; numbers are f32 constants. */
  readonly op: <K extends WithoutAttrs>(op: K, ...inputs: readonly (Node | number)[]) => Node;
  readonly make: <K extends OpName>(op: K, inputs: Ops[K]["inputs"], attrs: Ops[K]["attrs"]) => Node;
  readonly reduce: (by: Ops["reduce"]["attrs"]["by"], x: Node, ...over: readonly string[]) => Node;
  readonly cast: (x: Node, dtype: DType) => Node;
  readonly rename: (x: Node, from: string, to: string) => Node;
  readonly split: (x: Node, dim: string, into: Sizes) => Node;
  readonly merge: (x: Node, dims: readonly string[], into: string) => Node;
  readonly gather: (x: Node, dim: string, at: Node) => Node;
  /** The body of a sweep, made of nodes of this sketch. */
  readonly body: (outputs: Readonly<Record<string, Node>>) => Body;
  /** The case whose outputs are these nodes, y0, y1 …, or these outputs. */
  readonly case: (...outputs: readonly (Node | Omit<Output, "name">)[]) => Case;
}

const origin: Span = { file: { path: "case", text: "" }, start: 0, end: 0 };

/** A case under construction. */
export function sketch(random: Random): Sketch {
  const { make, graph, body } = maker();
  const inputs = new Map<string, Float64Array>();
  const atOrigin: Sketch["make"] = (op, from, attrs) => make(op, from, attrs, origin);
  const constant = (value: number, dtype: DType = "f32"): Node => atOrigin("constant", [], { value, dtype });
  return {
    random,
    constant,
    make: atOrigin,
    input: (sizes, { draw = draws.normal, dtype = "f32", role = "data" } = {}) => {
      const name = `x${inputs.size}`;
      const type = { dtype, dims: dimsOf(sizes) };
      inputs.set(
        name,
        Float64Array.from({ length: count(type) }, () => draw(random)),
      );
      return atOrigin("input", [], { name, type, role });
    },
    index: (name, size) => atOrigin("index", [], { dim: { name, size } }),
    op: (op, ...from) => {
      const nodes: readonly Node[] = from.map((x) => (typeof x === "number" ? constant(x) : x));
      return atOrigin(op, nodes as Ops[typeof op]["inputs"], {} as Ops[typeof op]["attrs"]);
    },
    reduce: (by, x, ...over) => atOrigin("reduce", [x], { by, over }),
    cast: (x, dtype) => atOrigin("cast", [x], { dtype }),
    rename: (x, from, to) => atOrigin("rename", [x], { from, to }),
    split: (x, dim, into) => atOrigin("split", [x], { dim, into: dimsOf(into) }),
    merge: (x, dims, into) => atOrigin("merge", [x], { dims, into }),
    gather: (x, dim, at) => atOrigin("gather", [x, at], { dim }),
    body: (outputs) =>
      body(
        "body",
        Object.entries(outputs).map(([name, node]) => ({ name, node })),
      ),
    case: (...outputs) => {
      const named = outputs.map((output, i) => ({ name: `y${i}`, ...("op" in output ? { node: output } : output) }));
      const made = graph("case", named);
      const bound = made.nodes.flatMap((node) => (node.op === "input" ? [node.attrs.name] : []));
      return { graph: made, inputs: new Map([...inputs].filter(([name]) => bound.includes(name))) };
    },
  };
}

const dimsOf = (sizes: Sizes): readonly Dim[] => Object.entries(sizes).map(([name, size]) => ({ name, size }));

/** Some of the sizes, in any order; all of them if `all`. */
export function some(random: Random, sizes: Sizes, all = false): Sizes {
  const entries = random.shuffle(Object.entries(sizes));
  return Object.fromEntries(all ? entries : entries.filter(() => random.unit() < 0.6));
}
