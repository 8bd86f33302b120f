/** What a method on blocks rotates of a model: an activation by its name, and all that is turned with it, in every part of the model. */
import type { Span } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import { type Context, report } from "../language/context.ts";
import { known } from "../language/size.ts";
import { graphDim } from "../language/tensor.ts";
import { tensorName } from "../model/declared-tensor.ts";
import { narrowed } from "../model/narrowed-config.ts";
import { readOf } from "../model/pieces.ts";
import { type Turn, type Turnable, type TurnedWeights, turnedWeights } from "../model/turned-weights.ts";
import { type Along, isUnturned } from "../model/turning.ts";
import { untied } from "../model/untied.ts";
import { type ModelType, type Part, partsOf } from "../model/value.ts";
import { blockPass, entryOf, type Forwarding, startOf } from "./forward-graphs.ts";
import type { Rotation } from "./method-on-blocks.ts";

/** What a rotated model is, and what becomes of the tensors of each part. */
export interface Rotated {
  readonly type: ModelType;
  readonly parts: ReadonlyMap<Part["layer"], RotatedPart>;
}

export type RotatedPart = Pick<TurnedWeights, "edits" | "untied" | "turned">;

/** A part with what methods see of it, and what goes in and out. */
interface Shown extends Turnable {
  readonly part: Part;
  readonly shown: ReadonlyMap<string, { readonly node: Node }>;
  /** What is handed on between the parts. */
  readonly doors: readonly Node[];
}

/** Null if there was a problem. */
export function rotatedModel(
  context: Context,
  type: ModelType,
  rotations: readonly Rotation[],
  length: number,
  span: Span,
): Rotated | null {
  const parts = partsIn(context, type, length, span);
  const made = new Map<Part["layer"], RotatedPart>();
  for (const [i, rotation] of rotations.entries()) {
    const turned = parts && everywhere(context, parts, rotation, turnOf(context, rotation, i));
    if (!turned) return null;
    for (const [layer, each] of turned) {
      const both = joined(made.get(layer), each);
      if (!both) {
        const what = "a second rotation of the same weights";
        const hint = "write one rotation by the product of both matrices, or a stage for each";
        report(context, { kind: "not-supported", span: rotation.statement.span, what, hint });
        return null;
      }
      made.set(layer, both);
    }
  }
  const after = typeOf(context, type, rotations, made);
  return after && { type: after, parts: made };
}

/** All parts; null if a forward pass is wrong. */
function partsIn(context: Context, type: ModelType, length: number, span: Span): readonly Shown[] | null {
  const passes: Forwarding = { context, maker: context.maker, passes: new Map() };
  const { entry, logits, inputs } = startOf(passes, type, length, span);
  if (logits.kind !== "tensor" || !entry) return null;
  const weightsOf = (part: Part): ReadonlySet<Node> =>
    new Set(part.weights.flatMap((tensor) => readOf(context.maker, type, part.layer, tensor)));
  const all = partsOf(type).map((part): Shown | null => {
    const base = { part, maker: context.maker, weights: weightsOf(part) };
    if (part.layer === null) {
      const results = [entry.node, logits.node];
      const doors = [entry.node, ...enteringIn(results)];
      return { ...base, results, linears: inputs, shown: new Map(), doors };
    }
    const { result, inputs: linears, shown } = blockPass(passes, type, part.layer, entryOf(entry));
    return result && { ...base, results: [result], linears, shown, doors: [result, ...enteringIn([result])] };
  });
  return all.some((part) => part === null) ? null : all.flatMap((part) => part ?? []);
}

/** The activations that a part reads. */
const enteringIn = (results: readonly Node[]): readonly NodeOf<"input">[] =>
  coneOf(results).filter(
    (node): node is NodeOf<"input"> => node.op === "input" && node.attrs.name === slotNames.activation,
  );

/** The matrix as edits of weights read it. */
function turnOf({ maker }: Context, { along, to, by }: Rotation, i: number): Turn {
  const from = graphDim(along);
  const other = { name: `${along.id} turned`, size: known(to.size) ?? Number.NaN };
  const type = { dtype: "f32", dims: [from, other] } as const;
  const node = maker.make("input", [], { name: slotNames.rotation(i), type, role: "state" }, by.node.origin);
  return { by: node, from, to: other };
}

/** Turns the activation in each block; where that reaches what parts hand on to one another, all parts with it. */
function everywhere(
  context: Context,
  parts: readonly Shown[],
  rotation: Rotation,
  turn: Turn,
): ReadonlyMap<Part["layer"], RotatedPart> | null {
  const { statement, along, layers } = rotation;
  const blocks = parts.filter(({ part }) => part.layer !== null);
  const seedIn = ({ shown }: Shown): readonly Along[] => {
    const node = shown.get(statement.name.text)?.node;
    return node ? [{ node, dim: along.id }] : [];
  };
  const known = new Map<Node, TurnedWeights>();
  const turnedIn = (part: Shown, seeds: readonly Along[]): TurnedWeights | null => {
    const [result] = part.results;
    const old = result && known.get(result);
    if (old) return old;
    const found = turnedWeights(part, seeds, turn);
    if (!isUnturned(found)) {
      if (result) known.set(result, found);
      return found;
    }
    const { at, because, gain } = found;
    const name = statement.name.text;
    const of = { activation: name, dim: along.name, at: at.origin, because, gain: gain?.origin ?? null };
    report(context, { kind: "cannot-rotate", span: statement.span, ...of });
    return null;
  };
  const [first] = blocks;
  const own = first && turnedIn(first, seedIn(first));
  if (!own) return null;
  known.clear();
  const isThrough = first.doors.some((door) => own.reached.has(door));
  if (isThrough && layers) {
    const what = `a rotation of each block by itself, of \`${statement.name.text}\`, which is handed on from block to block,`;
    report(context, {
      kind: "not-supported",
      span: statement.by.span,
      what,
      hint: `take a matrix without \`${layers.name}\``,
    });
    return null;
  }
  const turned = new Map<Part["layer"], RotatedPart>();
  for (const part of isThrough ? parts : blocks) {
    const doors = isThrough ? part.doors.map((node) => ({ node, dim: along.id })) : [];
    const found = turnedIn(part, [...seedIn(part), ...doors]);
    if (!found) return null;
    turned.set(part.part.layer, found);
  }
  return turned;
}

/** The work of two rotations on a part; null if they turn, or take over, the same. */
function joined(before: RotatedPart | undefined, { edits, untied, turned }: RotatedPart): RotatedPart | null {
  if (!before) return { edits, untied, turned };
  const dims = new Map(before.turned);
  for (const [weight, more] of turned) {
    const old = dims.get(weight) ?? new Set();
    if ([...more].some((dim) => old.has(dim))) return null;
    dims.set(weight, new Set([...old, ...more]));
  }
  const isAlone = (weight: Node): boolean =>
    !before.turned.has(weight) && before.edits.some((edit) => edit.weight === weight);
  if (edits.some(({ weight }) => isAlone(weight))) return null;
  return { edits: [...before.edits, ...edits], untied: [...before.untied, ...untied], turned: dims };
}

/** What the model is afterwards: layers that are untied have tensors of their own, and dimensions may be smaller. */
function typeOf(
  context: Context,
  type: ModelType,
  rotations: readonly Rotation[],
  parts: Rotated["parts"],
): ModelType | null {
  const span = rotations[0]?.statement.span ?? type.arch.declaration.span;
  let after: ModelType = type;
  for (const { linear, edit } of parts.get(null)?.untied ?? []) {
    const table = edit.weight.op === "input" ? edit.weight.attrs.name : "";
    const made = untied(context, after, linear, table);
    if (!made) {
      const what = `a rotation after which \`${linear.name}\` no longer is \`${linear.tied}\`,`;
      const hint = "no field of config.json that the architecture reads says that it is a layer of its own";
      report(context, { kind: "not-supported", span, what, hint });
      return null;
    }
    after = made;
  }
  const smaller = rotations.filter(({ along, to }) => known(along.size) !== known(to.size));
  const [wrong] = smaller;
  if (!wrong) return after;
  const sizes = new Map(smaller.map(({ along, to }) => [along.name, known(to.size) ?? 0]));
  const made = narrowed(context, after, sizes);
  const left = made && unturnedIn(after, made, parts);
  if (made && !left) return made;
  const what = `fewer columns than \`${wrong.along.name}\` has`;
  const hint = left
    ? `\`${left}\` has the dimension too, and is not turned with \`${wrong.statement.name.text}\``
    : `config.json of \`${type.arch.declaration.name.text}\` cannot say that there are ${known(wrong.to.size)}`;
  report(context, { kind: "not-supported", span: wrong.statement.by.span, what, hint });
  return null;
}

/** The stored tensors that are changed, or those of them that are in another basis then. */
export function tensorsIn({ parts }: Pick<Rotated, "parts">, which: "changed" | "turned"): ReadonlySet<string> {
  const names = [...parts].flatMap(([layer, { edits, untied, turned }]) => {
    const weights = which === "turned" ? turned.keys() : edits.map(({ weight }) => weight);
    const read = coneOf(weights).filter((node) => node.op === "input");
    const own = read.map(({ attrs }) => tensorName(attrs.name, layer));
    return [...own, ...untied.map(({ linear }) => `${linear.at}.weight`)];
  });
  return new Set(names);
}

/** A tensor that would have to be smaller, and that nothing makes so. */
function unturnedIn(before: ModelType, after: ModelType, parts: Rotated["parts"]): string | undefined {
  const made = tensorsIn({ parts }, "changed");
  const shapeIn = ({ facts }: ModelType, name: string): string | undefined => facts?.tensors.get(name)?.shape.join();
  return [...(after.facts?.tensors.keys() ?? [])].find(
    (name) => shapeIn(after, name) !== shapeIn(before, name) && !made.has(name),
  );
}
