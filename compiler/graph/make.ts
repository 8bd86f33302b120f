/** The only place where nodes are made. Equal nodes are one node, so common subexpressions never exist twice. */
import type { Span } from "../../grammar/source.ts";
import { invariant } from "../invariant.ts";
import { coneOf } from "./cone.ts";
import type { Graph, Output } from "./graph.ts";
import type { Body, Node, NodeOf, OpName, Ops } from "./ops.ts";
import { resultType } from "./result-type.ts";
import { contentOf } from "./show.ts";
import { isOpen, showType } from "./type.ts";

export interface Maker {
  /** The node with this primitive, inputs and attributes; the origin of the first request is kept. Inputs are of this maker. */
  readonly make: Make;
  /** The node again, on the images of its inputs: what a pass does with a node that it leaves alone. */
  readonly copy: (node: Node, image: (input: Node) => Node) => Node;
  /** The nodes that the outputs need, in creation order, renumbered from 0. Asked for again, it is the same graph. */
  readonly graph: (name: string, outputs: readonly Output[]) => Graph;
  /** The same for the body of a sweep, in which sizes may still be open. */
  readonly body: (name: string, outputs: Body["outputs"]) => Body;
}

/** See `Maker.make`. */
export type Make = <K extends OpName>(op: K, inputs: Ops[K]["inputs"], attrs: Ops[K]["attrs"], origin: Span) => Node;

/** An empty graph under construction. */
export function maker(): Maker {
  const nodes: Node[] = [];
  const known = new Map<string, Node>();
  const graphs = new Map<string, Graph>();
  const make: Make = (op, inputs, attrs, origin) => {
    for (const x of inputs) invariant(nodes[x.id] === x, `an input of ${op} was made by another maker`);
    const key = `${op} ${inputs.map(({ id }) => id).join(" ")} ${textOf(attrs)}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = node({ id: nodes.length, op, inputs, attrs, type: resultType(op, inputs, attrs), origin });
    nodes.push(made);
    known.set(key, made);
    return made;
  };
  return {
    make,
    copy: (of, image) => {
      const { op, inputs, attrs, origin } = of;
      const read = images(inputs, image);
      const isSame = nodes[of.id] === of && read.every((each, i) => each === inputs[i]);
      return isSame ? of : make(op, read, attrs, origin);
    },
    graph: (name, outputs) => {
      for (const { node } of outputs)
        invariant(nodes[node.id] === node, `an output of ${name} was made by another maker`);
      const key = `${name} ${textOf(outputs.map(({ node: { id }, ...output }) => ({ ...output, id })))}`;
      const found = graphs.get(key) ?? graph(name, outputs);
      refuseOpen(found);
      graphs.set(key, found);
      return found;
    },
    body: graph,
  };
}

/** Drops the nodes that no output needs and renumbers the rest, keeping their order. */
function graph(name: string, outputs: readonly Output[]): Graph {
  const kept = new Map<Node, Node>();
  const image = (of: Node): Node => {
    const found = kept.get(of);
    invariant(found !== undefined, `%${of.id} is used before it is defined`);
    return found;
  };
  for (const of of coneOf(outputs.map((output) => output.node)))
    kept.set(of, node({ ...of, id: kept.size, inputs: images(of.inputs, image) }));
  return {
    name,
    nodes: [...kept.values()],
    outputs: outputs.map((output) => ({ ...output, node: image(output.node) })),
  };
}

function refuseOpen({ name, nodes }: Pick<Graph, "name" | "nodes">): void {
  for (const node of nodes) {
    invariant(!isOpen(node.type), `${showType(node.type)} of ${node.op} is open in the graph ${name}`);
    if (node.op === "feedback") for (const { body } of node.attrs.levels) refuseOpen(body);
  }
}

/** As many as there are inputs. */
const images = <Inputs extends readonly Node[]>(inputs: Inputs, image: (input: Node) => Node): Inputs =>
  inputs.map(image) as readonly Node[] as Inputs;

/** TypeScript does not distribute the fields of `NodeOf` over its union. */
const node = <K extends OpName>(fields: NodeOf<K>): Node => fields as Node;

/** Structural: the order of keys does not count; NaN and -0 do. A text has its length in front, so that none reads like two. */
function textOf(value: unknown): string {
  if (typeof value === "string") return `${value.length}"${value}`;
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join(",")}]`;
  if (isBody(value)) return textOfBody(value);
  const fields = value as Readonly<Record<string, unknown>>;
  let key = "{";
  for (const name of Object.keys(fields).sort()) key += `${name}:${textOf(fields[name])},`;
  return `${key}}`;
}

const texts = new WeakMap<Body, string>();

/** Bodies are compared as they are shown: their nodes are read many times over. */
function textOfBody(body: Body): string {
  const text = texts.get(body) ?? textOf(contentOf(body));
  texts.set(body, text);
  return text;
}

const isBody = (value: object): value is Body => "nodes" in value && "outputs" in value;
