/** What becomes of a model of which fewer dimensions or blocks are kept: its config.json says so, and all sizes follow from that. */
import type * as Ast from "../../grammar/ast.ts";
import type { Context } from "../language/context.ts";
import { known } from "../language/size.ts";
import type { Dimension } from "../language/tensor.ts";
import { expressionsIn } from "../language/walk.ts";
import type { SaveRecord } from "../plan/step.ts";
import { modelType } from "./arch.ts";
import { tensorName } from "./declared-tensor.ts";
import type { ModelFacts } from "./facts.ts";
import { firstBlocks, layersOf, type ModelType, partsOf } from "./value.ts";

type Config = ModelFacts["config"];

/** Sizes by the names of dimensions; the blocks' name counts them. */
export type Sizes = ReadonlyMap<string, number>;

/** The model with these dimensions smaller; null if no config.json can say so. */
export function narrowed(context: Context, type: ModelType, smaller: Sizes): ModelType | null {
  const { facts } = type;
  if (!facts) return null;
  const before = sizesOf(type);
  const wanted = new Map([...before, ...smaller]);
  const ratios = [...smaller].map(([name, size]) => size / (before.get(name) ?? size));
  const at: Solving = {
    type,
    declared: declarationsIn(type.arch.declaration.members),
    wanted,
    ratios,
    tried: (config) => ({ config, sizes: sizesOf(typeOf(context, type, { ...facts, config })) }),
  };
  let solved: Tried | null = { config: facts.config, sizes: before };
  for (const name of at.declared.keys()) solved &&= solve(at, solved, name);
  if (!solved) return null;
  const tensors = tensorsFor(type, facts, wanted);
  const listed = listsFor(solved.config, layersOf(type), layersIn(type, wanted));
  if (!listed) return null;
  const made = typeOf(context, type, { ...facts, config: listed, tensors });
  return made.isFaulty || !isAs(sizesOf(made), wanted, wanted.keys()) ? null : made;
}

/** The fields of config.json in which a model differs from the given one: their numbers, and the lengths of lists; and what is true or false. */
export function changedFields(given: ModelType, type: ModelType): Pick<SaveRecord, "config" | "flags"> {
  const changed = Object.entries(type.facts?.config ?? {}).filter(
    ([name, value]) => value !== given.facts?.config[name],
  );
  const flags = changed.flatMap(([name, value]) => (typeof value === "boolean" ? [[name, value] as const] : []));
  const numbers = changed.filter(([, value]) => typeof value !== "boolean");
  const config = Object.fromEntries(
    numbers.map(([name, value]) => [name, Array.isArray(value) ? value.length : Number(value)]),
  );
  return { config, ...(flags.length > 0 && { flags: Object.fromEntries(flags) }) };
}

interface Solving {
  readonly type: ModelType;
  readonly declared: ReadonlyMap<string, Ast.Expression>;
  readonly wanted: Sizes;
  /** Of what is left of each dimension that is smaller: what is made of two sizes may be no number before both are changed. */
  readonly ratios: readonly number[];
  readonly tried: (config: Config) => Tried;
}

/** A config, and the sizes of the architecture bound to it. */
interface Tried {
  readonly config: Config;
  readonly sizes: Sizes;
}

/** The architecture with another config or other headers; what is wrong with them is nobody's mistake. */
export const typeOf = (context: Context, { arch }: ModelType, facts: ModelFacts): ModelType =>
  modelType({ ...context, found: [], notes: [] }, arch, facts);

/** The sizes of what an architecture declares. */
function sizesOf({ outside, blocks }: ModelType): Map<string, number> {
  const dims = [outside, ...firstBlocks(blocks)].flatMap(({ scope }) => [...scope.dims.values()].flat());
  const sizes = new Map(dims.map(({ name, size }) => [name, known(size) ?? 0]));
  for (const { declaration, to } of blocks) sizes.set(declaration.name.text, known(to) ?? 0);
  return sizes;
}

/** How many blocks are wanted. */
const layersIn = ({ blocks }: ModelType, wanted: Sizes): number =>
  wanted.get(blocks.at(-1)?.declaration.name.text ?? "") ?? 0;

const isAs = (sizes: Sizes, wanted: Sizes, names: Iterable<string>): boolean =>
  [...names].every((name) => sizes.get(name) === wanted.get(name));

/** By the name of each dimension, and of the blocks, in order: the expression that gives its size. */
function declarationsIn(members: readonly Ast.ArchMember[]): Map<string, Ast.Expression> {
  const found = new Map<string, Ast.Expression>();
  for (const member of members) {
    if (member.kind === "dim") found.set(member.name.text, member.value);
    if (member.kind !== "blocks") continue;
    found.set(member.name.text, member.to);
    for (const [name, value] of declarationsIn(member.members)) found.set(name, value);
  }
  return found;
}

/** The config in which a dimension, and all that are declared before it, have their sizes: one field that it reads is another. */
function solve(
  { type, declared, wanted, ratios, tried }: Solving,
  { config, sizes }: Tried,
  name: string,
): Tried | null {
  const names = [...declared.keys()];
  const upTo = names.slice(0, names.indexOf(name) + 1);
  if (isAs(sizes, wanted, upTo)) return { config, sizes };
  const [size, actual] = [wanted.get(name) ?? 0, sizes.get(name) ?? 0];
  const factors = actual > 0 ? [size / actual, ...ratios] : ratios;
  // Fields that are there come first: of a field with two names, the one that the config uses.
  const isSize = (field: string): boolean => typeof (config[field] ?? 0) !== "object";
  const expression = declared.get(name);
  const fields = [...(expression ? fieldsRead(type.arch.declaration, expression) : [])]
    .filter(isSize)
    .sort((a, b) => Number(b in config) - Number(a in config));
  for (const field of fields) {
    const old = config[field];
    const values =
      typeof old === "number" ? factors.flatMap((factor) => [old * factor, old / factor]).map(nearWhole) : [size];
    for (const value of new Set(values.filter(Number.isInteger))) {
      const found = tried({ ...config, [field]: value });
      if (isAs(found.sizes, wanted, upTo)) return found;
    }
  }
  return null;
}

/** Without what a division leaves. */
const nearWhole = (value: number): number => (Math.abs(value - Math.round(value)) < 1e-9 ? Math.round(value) : value);

/** The fields of config.json that an expression reads, also in functions that the architecture declares, in the order of the text. */
export function fieldsRead(arch: Ast.Arch, expression: Ast.Expression): ReadonlySet<string> {
  const members = arch.members.flatMap((member) => (member.kind === "blocks" ? [member, ...member.members] : [member]));
  const functions = new Map(
    members.flatMap((member) => (member.kind === "fn" ? [[member.name.text, member] as const] : [])),
  );
  const fields = new Set<string>();
  const walk = (part: object): void => {
    for (const each of expressionsIn(part)) {
      if (each.kind === "field" && each.value.kind === "name" && each.value.text === "config")
        fields.add(each.name.text);
      if (each.kind !== "call" || each.callee.kind !== "name") continue;
      const called = functions.get(each.callee.text);
      functions.delete(each.callee.text);
      if (called) walk(called.body);
    }
  };
  walk(expression);
  return fields;
}

/** Lists with an element for each block are as long as there are blocks; null where the elements differ. */
function listsFor(config: Config, before: number, after: number): Config | null {
  if (after >= before) return config;
  const lists = Object.entries(config).flatMap(([field, value]) =>
    Array.isArray(value) && value.length === before ? [[field, value] as const] : [],
  );
  const isUniform = (list: readonly unknown[]): boolean => new Set(list.map((each) => JSON.stringify(each))).size === 1;
  if (!lists.every(([, list]) => isUniform(list))) return null;
  return { ...config, ...Object.fromEntries(lists.map(([field, list]) => [field, list.slice(0, after)])) };
}

/** The headers of what is kept: each tensor with the sizes of its dimensions, in as many blocks. */
function tensorsFor(type: ModelType, { tensors }: ModelFacts, wanted: Sizes): ModelFacts["tensors"] {
  const layers = layersIn(type, wanted);
  const shapes = new Map<string, readonly number[]>();
  const product = (dims: readonly Dimension[]): number => dims.reduce((n, dim) => n * (wanted.get(dim.name) ?? 0), 1);
  const sum = (of: readonly (readonly Dimension[])[]): number => of.reduce((n, dims) => n + product(dims), 0);
  for (const { layer, weights } of partsOf(type)) {
    if (layer !== null && layer >= layers) continue;
    for (const { name, dims, pieces } of weights) {
      const sizes = dims.map((group) =>
        group.some(({ id }) => id === pieces?.rows.id) ? sum(pieces?.of ?? []) : product(group),
      );
      shapes.set(tensorName(name, layer), sizes);
    }
  }
  return new Map(
    [...tensors].flatMap(([name, { dtype, shape: old, bytes, coded }]) => {
      const shape = shapes.get(name);
      if (!shape) return [];
      const elements = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);
      const isAsBefore = shape.join() === old.join();
      const left = { dtype, shape, bytes: (bytes / elements(old)) * elements(shape) };
      return [[name, isAsBefore && coded ? { ...left, coded } : left] as const];
    }),
  );
}
