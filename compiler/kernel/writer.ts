/**
 * From expressions to statements. Each expression is computed in the outermost scope that has its variables, once; what is used
 * twice, or further in, gets a name.
 */
import { type Atom, type Index, type Term, type Variable, variablesOf } from "../index/affine.ts";
import { fences, isTakenApart } from "./fence.ts";
import { isAligned, quarterOf, sharedByFour } from "./fours.ts";
import { nesting, tight, untight } from "./parentheses.ts";
import type { ApplyScalar, ReduceScalar, Scalar } from "./scalar.ts";
import { type Scopes, scopesOf, type WideVariable } from "./scopes.ts";
import { type Uses, usesOf } from "./uses.ts";
import { castText, type Helper, identifier, literal, operations, typeName, type Width } from "./wgsl.ts";

/** What the kernel around a function offers: memory and helper functions. */
export interface Environment {
  /** The text of element `address` of a storage; four elements from four times `address` on if `width` is 4. */
  readonly read: (storage: number, address: string, width: Width) => string;
  /** Whether four elements can be read at once. */
  readonly readsFour: (storage: number) => boolean;
  readonly use: (helper: Helper, width: Width) => string;
}

/** Reductions over one variable that do not need each other: one loop. */
export interface Loop {
  readonly over: Variable;
  readonly isInterleaved: boolean;
  readonly reduces: readonly ReduceScalar[];
}

/** Writes the loop, and returns the name of each result. */
export type WriteReduces = (loop: Loop, writer: Writer) => readonly string[];

export interface Writer {
  /** The text of a value, which may stand beside any operator; statements that it needs are written where they belong. */
  readonly value: (x: Scalar) => string;
  /** The same, as a vector of four where a wide variable is open. */
  readonly wide: (x: Scalar) => string;
  /** The text of what is added to a sum, as one operand for the compilers below as well. */
  readonly term: (x: Scalar, width: Width) => string;
  readonly index: (index: Index) => string;
  /** The address of an element, or of four neighbours counted in fours. */
  readonly address: (index: Index) => string;
  /** 4 if the value is that of four neighbours. */
  readonly widthOf: (x: Scalar) => Width;
  /** Whether some open scope has a wide variable. */
  readonly isWide: () => boolean;
  /** Declares a helper function for scalars and returns its name. */
  readonly use: (helper: Helper) => string;
  readonly line: (text: string) => void;
  /** Opens a scope, `head {`, in which the variables have the given names. */
  readonly open: Scopes["open"];
  readonly close: () => void;
  /** From now on the expression has this name in its scope. */
  readonly define: (x: Scalar, name: string) => void;
  /** A new name beginning like this. */
  readonly fresh: (name: string) => string;
  readonly text: () => string;
}

interface Options {
  readonly around: Environment;
  readonly writeReduces: WriteReduces;
  readonly wide?: WideVariable;
}

interface Work extends Options {
  readonly uses: Uses;
  readonly scopes: Scopes;
  readonly writer: () => Writer;
}

/** A writer for one function whose scopes so far bind `bound`; it will be asked for the values of `roots`. */
export function writer(roots: readonly Scalar[], bound: ReadonlyMap<Variable, string>, options: Options): Writer {
  const scopes = scopesOf(bound, options.wide);
  const work: Work = { ...options, uses: usesOf(roots), scopes, writer: () => self };
  const self: Writer = {
    value: (x) => tight(valueText(x, work)),
    wide: (x) => operandText(x, scopes.openWide() === undefined ? 1 : 4, work),
    term: (x, width) => {
      const text = operandText(x, width, work);
      return isTakenApart(x) ? `${work.around.use("fence", width)}(${untight(text)})` : text;
    },
    index: (index) => indexText(index, work),
    address: (address) => {
      const wide = scopes.openWide();
      return wide === undefined ? indexText(address, work) : quarterText(address, wide, work);
    },
    widthOf: ({ free }) => widthOf(free, work),
    isWide: () => scopes.openWide() !== undefined,
    use: (helper) => work.around.use(helper, 1),
    line: (text) => scopes.innermost().lines.push(text),
    open: scopes.open,
    close: scopes.close,
    define: (x, name) => scopes.at(scopes.levelOf(x.free)).names.set(`${x.id}`, name),
    fresh: scopes.fresh,
    text: () =>
      scopes
        .at(0)
        .lines.map((line) => `  ${line}`)
        .join("\n"),
  };
  return self;
}

/** The name of a variable in the text, before it is made unique. */
export const variableName = ({ name }: Variable): string => identifier(name);

const widthOf = (free: ReadonlySet<string>, { scopes }: Work): Width => (scopes.wideAmong(free) === undefined ? 1 : 4);

/** Parentheses within parentheses from which on an expression gets a name: parsers of WGSL end at 128. */
const deepest = 32;

interface Shared {
  readonly key: string;
  readonly free: ReadonlySet<string>;
  readonly name: string;
  /** Whether a `let` names it always, where it is computed outside of the loop that needs it, or only where its text is too deep. */
  readonly naming: "always" | "outside" | "deep";
}

/** The text under a key in the scope that has the variables. */
function shared({ key, free, name, naming }: Shared, { scopes }: Work, text: () => string): string {
  const level = scopes.levelOf(free);
  const scope = scopes.at(level);
  const known = scope.names.get(key);
  if (known !== undefined) return known;
  const made = text();
  const isNamed = naming === "always" || (naming === "outside" && scopes.bindsBelow(level));
  if (!isNamed && nesting(made) < deepest) return made;
  const named = scopes.fresh(name);
  scope.lines.push(`let ${named} = ${untight(made)};`);
  scope.names.set(key, named);
  return named;
}

function valueText(x: Scalar, work: Work): string {
  const { scopes, uses } = work;
  if (x.kind === "reduce") return scopes.at(scopes.levelOf(x.free)).names.get(`${x.id}`) ?? reduceText(x, work);
  const isShort = x.kind === "constant" || x.kind === "named";
  const isAgain = (uses.scalars.get(x) ?? 0) > 1;
  const canMove = x.kind === "apply" || x.kind === "cast" || x.kind === "load";
  const naming = isAgain && !isShort ? "always" : canMove ? "outside" : "deep";
  return shared({ key: `${x.id}`, free: x.free, name: nameFor(x), naming }, work, () => textOf(x, work));
}

const nameFor = (x: Scalar): string => (x.kind === "load" ? "x" : x.kind === "apply" ? `${x.op.toLowerCase()}_` : "v");

function textOf(x: Exclude<Scalar, ReduceScalar>, work: Work): string {
  const width = widthOf(x.free, work);
  const use = (helper: Helper): string => work.around.use(helper, width);
  switch (x.kind) {
    case "constant":
      return literal(x.value, x.dtype, (helper) => work.around.use(helper, 1));
    case "named":
      return x.name;
    case "index":
      return `${typeName("i32", width)}(${indexText(x.index, work)})`;
    case "load":
      return loadText(x.storage, x.address, work);
    case "cast":
      return castText(x.to, valueText(x.input, work), x.input.dtype, width, use);
    case "apply": {
      const tested = finiteTested(x);
      if (tested !== undefined) return `${use("is_finite")}(${untight(operandText(tested, width, work))})`;
      const isFenced = fences(x.op, x.inputs);
      const texts = x.inputs.map((input, i) => {
        const text = operandText(input, width, work);
        return isFenced[i] === true ? `${use("fence")}(${untight(text)})` : text;
      });
      const dtype = x.inputs[x.op === "select" ? 1 : 0]?.dtype ?? x.dtype;
      return operations[x.op]({ texts, dtype, isSame: x.inputs[0] === x.inputs[1], use });
    }
  }
}

/** What is asked to be neither NaN nor infinite: x - x is a number then, and else NaN, which is not equal to itself. */
function finiteTested({ op, inputs: [a, b] }: Pick<ApplyScalar, "op" | "inputs">): Scalar | undefined {
  if (op !== "equal" || a !== b || a?.kind !== "apply" || a.op !== "sub" || a.dtype !== "f32") return undefined;
  return a.inputs[0] === a.inputs[1] ? a.inputs[0] : undefined;
}

function operandText(x: Scalar, width: Width, work: Work): string {
  const text = valueText(x, work);
  return width === 4 && widthOf(x.free, work) === 1 ? `${typeName(x.dtype, 4)}(${untight(text)})` : tight(text);
}

/** Writes the loop that computes the reduction, and all others that the loop can compute as well. */
function reduceText(x: ReduceScalar, work: Work): string {
  const { scopes, uses, writeReduces, writer } = work;
  const level = scopes.levelOf(x.free);
  const isHere = ({ free }: Scalar): boolean => scopes.levelOf(free) === level && scopes.hasAll(free);
  const reduces = uses.batches.get(x)?.filter(isHere) ?? [x];
  const names = scopes.outside(level, () => writeReduces({ ...x, reduces }, writer()));
  for (const [i, other] of reduces.entries()) scopes.at(level).names.set(`${other.id}`, names[i] ?? "");
  return scopes.at(level).names.get(`${x.id}`) ?? "";
}

function loadText(storage: number, address: Index, work: Work): string {
  const { scopes, around } = work;
  const free = address.variables;
  const wide = scopes.wideAmong(free);
  if (wide === undefined) return around.read(storage, indexText(address, work), 1);
  const one = wide.quarter && sharedByFour(address, wide.variable);
  if (one !== undefined) return `vec4(${around.read(storage, indexText(one, work), 1)})`;
  if (around.readsFour(storage) && isAligned(address, wide.variable))
    return around.read(storage, quarterText(address, wide, work), 4);
  const addresses = scopes.fresh("addresses");
  scopes.at(scopes.levelOf(free)).lines.push(`let ${addresses} = ${indexText(address, work)};`);
  return `vec4(${["x", "y", "z", "w"].map((part) => around.read(storage, `${addresses}.${part}`, 1)).join(", ")})`;
}

/** Positive terms first: a sum of u32 must not begin with a sign. */
function indexText({ terms, constant }: Index, work: Work): string {
  const text = ({ atom, key, times }: Term): string => {
    const factor = Math.abs(times);
    return factor === 1 ? atomText(atom, key, work) : `${atomText(atom, key, work)} * ${factor}u`;
  };
  const positive = terms.filter(({ times }) => times > 0).map(text);
  const added = constant > 0 || positive.length === 0 ? [...positive, `${Math.max(constant, 0)}u`] : positive;
  const taken = terms.filter(({ times }) => times < 0).map(text);
  return [added.join(" + "), ...taken, ...(constant < 0 ? [`${-constant}u`] : [])].join(" - ");
}

function atomText(atom: Atom, key: string, work: Work): string {
  if (atom.kind === "variable") return work.scopes.nameOf(atom.variable);
  const free = variablesOf(atom);
  const naming = (work.uses.atoms.get(key) ?? 0) > 1 ? "always" : "deep";
  return shared({ key, free, name: "at", naming }, work, () => {
    if (atom.kind === "quotient") return `(${tight(indexText(atom.of, work))} / ${atom.by}u)`;
    if (atom.kind === "remainder") return `(${tight(indexText(atom.of, work))} % ${atom.by}u)`;
    const [width, last] = [widthOf(free, work), atom.size - 1];
    const bound = (dtype: "i32" | "u32", value: number): string =>
      width === 1 ? `${value}${dtype === "u32" ? "u" : ""}` : `${typeName(dtype, width)}(${value})`;
    if (atom.kind === "bounded") return `min(${indexText(atom.of, work)}, ${bound("u32", last)})`;
    const from = atom.from as Scalar;
    const text = valueText(from, work);
    if (from.dtype === "u32") return `min(${text}, ${bound("u32", last)})`;
    return `${typeName("u32", width)}(clamp(${text}, ${bound("i32", 0)}, ${bound("i32", last)}))`;
  });
}

/** A quarter of an aligned address. */
function quarterText(address: Index, { variable, quarter }: WideVariable, work: Work): string {
  const rest = indexText(quarterOf(address, variable), work);
  if (quarter === undefined) return rest;
  const counter = work.scopes.nameOf(quarter);
  return rest === "0u" ? counter : `${rest} + ${counter}`;
}
