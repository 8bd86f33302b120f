/** The printed form of a graph: a node a line, then the outputs. People read, compare and test this text. */
import { showPlace } from "../../grammar/source.ts";
import type { Graph, Output } from "./graph.ts";
import { dispatch, type Level, type Node, type Rules } from "./ops.ts";
import { showType } from "./type.ts";

/** `%3 f32[token: 512, mlp: 384] = mul %1 %2          std/nn:14:3`, a line each; ends with a newline. */
export function showGraph({ name, nodes, outputs }: Graph): string {
  const lines = nodes.map((node) => showNode(node).split("\n"));
  const width = Math.min(96, Math.max(0, ...lines.map(([first = ""]) => first.length)));
  const body = lines.map(([first = "", ...rest], i) =>
    [`${first.padEnd(width)}  ${place(nodes[i])}`, ...rest].join("\n"),
  );
  return [`graph ${name}`, ...body, ...outputs.map(showOutput), ""].join("\n");
}

/** `%3 f32[token: 512, mlp: 384] = mul %1 %2`; the bodies of a sweep follow, each line indented. */
export function showNode(node: Node): string {
  const inputs = node.inputs.map(({ id }: Node) => `%${id}`);
  const line = [`%${node.id}`, showType(node.type), "=", node.op, ...inputs, ...dispatch(attributes, node)].join(" ");
  return node.op === "feedback" ? [line, ...node.attrs.levels.flatMap(showLevel)].join("\n") : line;
}

const showLevel = ({ dim, body }: Level): readonly string[] => [
  `  each ${dim.name}: ${dim.size}`,
  ...contentOf(body)
    .split("\n")
    .map((line) => `    ${line}`),
];

/** What decides a graph's values, and under which names it reads and writes: neither its own name nor places in sources do. */
export const contentOf = ({ nodes, outputs }: Graph): string =>
  [...nodes.map(showNode), ...outputs.map(showOutput)].join("\n");

const showOutput = ({ name, node, accumulate, store }: Output): string =>
  [
    `output ${name} = %${node.id}`,
    ...(accumulate === undefined ? [] : [`accumulate=${accumulate}`]),
    ...(store === undefined ? [] : [`store=${store}`]),
  ].join(" ");

const place = (node: Node | undefined): string => (node === undefined ? "" : showPlace(node.origin));
const none = (): readonly string[] => [];
const list = (names: readonly string[]): string => (names.length === 1 ? `${names[0]}` : `(${names.join(", ")})`);
const showValue = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

const attributes: Rules<readonly [], readonly string[]> = {
  constant: ({ attrs }) => [showValue(attrs.value)],
  input: ({ attrs }) => [attrs.role, attrs.name],
  index: ({ attrs }) => [attrs.dim.name],
  neg: none,
  abs: none,
  exp: none,
  log: none,
  log2: none,
  sqrt: none,
  rsqrt: none,
  sin: none,
  cos: none,
  tanh: none,
  erf: none,
  floor: none,
  round: none,
  not: none,
  cast: ({ attrs }) => [`to=${attrs.dtype}`],
  detach: none,
  add: none,
  sub: none,
  mul: none,
  div: none,
  pow: none,
  min: none,
  max: none,
  mod: none,
  random: none,
  less: none,
  lessEqual: none,
  equal: none,
  and: none,
  or: none,
  select: none,
  reduce: ({ attrs }) => [`by=${attrs.by}`, `over=${list(attrs.over)}`],
  rename: ({ attrs }) => [`${attrs.from}→${attrs.to}`],
  split: ({ attrs }) => [`${attrs.dim}→(${attrs.into.map(({ name, size }) => `${name}: ${size}`).join(", ")})`],
  merge: ({ attrs }) => [`${list(attrs.dims)}→${attrs.into}`],
  gather: ({ attrs }) => [`along=${attrs.dim}`],
  best: ({ attrs }) => [`keep=${attrs.keep}`, `over=${list(attrs.over)}`],
  order: ({ attrs }) => [`over=${attrs.over}`],
  cholesky: ({ attrs }) => [`rows=${attrs.rows}`, `columns=${attrs.columns}`],
  triangularInverse: ({ attrs }) => [`rows=${attrs.rows}`, `columns=${attrs.columns}`],
  eigenvectors: ({ attrs }) => [`rows=${attrs.rows}`, `columns=${attrs.columns}`],
  feedback: ({ attrs }) => [`along=${attrs.along}`, `across=${attrs.across}`],
  part: ({ attrs }) => [`level=${attrs.level}`, attrs.output],
};
