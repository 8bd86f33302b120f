/**
 * From expressions to statements. Each expression is computed in the outermost scope that has its variables, once; what is used
 * twice gets a name.
 */
import { invariant } from "../invariant.ts";
import { type Atom, type Index, strideOf, type Term, type Variable, variableKey, variablesOf } from "../schedule/affine.ts";
import type { ReduceScalar, Scalar, ValueType } from "./scalar.ts";
import { castText, type Helper, identifier, literal, operations, typeName, type Width } from "./wgsl.ts";

/** What the kernel around a function offers: memory and helper functions. */
export interface Surroundings {
  /** The text of element `address` of a storage; four elements from four times `address` on if `width` is 4. */
  readonly read: (storage: number, address: string, width: Width) => string;
  /** Whether four elements can be read at once. */
  readonly readsFour: (storage: number) => boolean;
  readonly use: (helper: Helper, width: Width) => string;
}

/** Writes the loop of reductions over one variable that do not need each other, and returns the name of each result. */
export type WriteReduces = (reduces: readonly ReduceScalar[], writer: Writer) => readonly string[];

export interface Writer {
  /** The text of a value; statements that it needs are written where they belong. */
  readonly value: (x: Scalar) => string;
  /** The same, as a vector of four if anything is one. */
  readonly wide: (x: Scalar) => string;
  readonly index: (index: Index) => string;
  readonly line: (text: string) => void;
  /** Opens a scope, `head {`, in which the variables have the given names. */
  readonly open: (head: string, bound: ReadonlyMap<Variable, string>, wide?: WideVariable) => void;
  readonly close: () => void;
  /** The value of an expression of the innermost scope has this name. */
  readonly define: (x: Scalar, name: string) => void;
  /** A new name beginning like this. */
  readonly fresh: (name: string) => string;
  /** The address of an element, or of four neighbours counted in fours. */
  readonly address: (index: Index) => string;
  /** 4 if the value is that of four neighbours. */
  readonly widthOf: (x: Scalar) => Width;
  /** Whether some open scope has a wide variable. */
  readonly isWide: () => boolean;
  /** Declares a helper function for scalars and returns its name. */
  readonly use: (helper: Helper) => string;
  /** Whether nothing but the function's own variables is needed. */
  readonly isOutermost: (x: Scalar) => boolean;
  readonly text: () => string;
}

/** A variable that stands for four neighbouring elements; `quarter` is the text of a quarter of the first, nothing if that is 0. */
export interface WideVariable {
  readonly variable: Variable;
  readonly quarter?: string;
}

interface Scope {
  readonly head: string;
  readonly bound: ReadonlyMap<string, string>;
  readonly wide?: WideVariable;
  readonly lines: string[];
  readonly names: Map<string, string>;
}

interface Options {
  readonly around: Surroundings;
  readonly writeReduces: WriteReduces;
  readonly wide?: WideVariable;
}

/** A writer for one function whose scopes so far bind `bound`; it will be asked for the values of `roots`. */
export function writer(roots: readonly Scalar[], bound: ReadonlyMap<Variable, string>, options: Options): Writer {
  const uses = countUses(roots);
  const batches = batchReduces(uses.reduces);
  const taken = new Set<string>();
  let scopes: readonly Scope[] = [scope("", bound, options.wide)];

  const fresh = (name: string): string => {
    for (let i = 1; ; i++) {
      const candidate = i === 1 ? name : `${name}_${i}`;
      if (taken.has(candidate)) continue;
      taken.add(candidate);
      return candidate;
    }
  };
  const levelOf = (free: ReadonlySet<string>): number => {
    for (let level = scopes.length - 1; level > 0; level--) for (const key of scopes[level]?.bound.keys() ?? []) if (free.has(key)) return level;
    return 0;
  };
  const at = (level: number): Scope => {
    const found = scopes[level];
    invariant(found !== undefined, `no scope ${level}`);
    return found;
  };
  const wideOf = (free: ReadonlySet<string>): WideVariable | undefined =>
    scopes.find(({ wide }) => wide !== undefined && free.has(variableKey(wide.variable)))?.wide;
  const widthOf = (free: ReadonlySet<string>): Width => (wideOf(free) === undefined ? 1 : 4);
  const use = (width: Width) => (helper: Helper) => options.around.use(helper, width);

  /** The text under a key in the scope that has the variables; named if it is used more than once. */
  const shared = (key: string, free: ReadonlySet<string>, name: string, isNamed: boolean, text: () => string, canMove = false): string => {
    const isHoisted = (level: number): boolean => canMove && scopes.slice(level + 1).some(({ bound }) => bound.size > 0);
    const level = levelOf(free);
    const known = at(level).names.get(key);
    if (known !== undefined) return known;
    const made = text();
    if (!isNamed && !isHoisted(level)) return made;
    const named = fresh(name);
    at(level).lines.push(`let ${named} = ${made};`);
    at(level).names.set(key, named);
    return named;
  };

  const atomText = (atom: Atom, key: string): string => {
    if (atom.kind === "variable") return nameOf(atom.variable);
    const free = atom.kind === "loaded" ? atom.from.free : variablesOf(atom.of);
    return shared(key, free, "at", (uses.atoms.get(key) ?? 0) > 1, () => {
      if (atom.kind === "quotient") return `(${tight(index(atom.of))} / ${atom.by}u)`;
      if (atom.kind === "remainder") return `(${tight(index(atom.of))} % ${atom.by}u)`;
      const vector = widthOf(free) === 4;
      const limit = vector ? `vec4u(${atom.size - 1}u)` : `${atom.size - 1}u`;
      if (atom.kind === "bounded") return `min(${index(atom.of)}, ${limit})`;
      const text = self.value(atom.from);
      return `min(${atom.from.dtype === "u32" ? text : vector ? `vec4u(${text})` : `u32(${text})`}, ${limit})`;
    });
  };
  const nameOf = (variable: Variable): string => {
    const key = variableKey(variable);
    for (const { bound } of scopes.toReversed()) {
      const found = bound.get(key);
      if (found !== undefined) return found;
    }
    return invariant(false, `variable ${key} has no name here`) as never;
  };
  const termText = ({ atom, key, times }: Term): string => {
    const text = atomText(atom, key);
    return Math.abs(times) === 1 ? text : `${text} * ${Math.abs(times)}u`;
  };
  const index = ({ terms, constant }: Index): string => {
    const [first, ...rest] = terms.filter(({ times }) => times > 0);
    const negative = terms.filter(({ times }) => times < 0);
    let text = first === undefined ? `${Math.max(constant, 0)}u` : termText(first);
    for (const term of rest) text += ` + ${termText(term)}`;
    if (first !== undefined && constant > 0) text += ` + ${constant}u`;
    for (const term of negative) text += ` - ${termText(term)}`;
    return constant < 0 ? `${text} - ${-constant}u` : text;
  };

  const loadText = (storage: number, address: Index): string => {
    const wide = wideOf(variablesOf(address));
    if (wide === undefined) return options.around.read(storage, index(address), 1);
    if (options.around.readsFour(storage) && isAligned(address, wide.variable)) return options.around.read(storage, quarterText(address, wide), 4);
    const addresses = fresh("addresses");
    at(levelOf(variablesOf(address))).lines.push(`let ${addresses} = ${index(address)};`);
    const parts = ["x", "y", "z", "w"].map((part) => options.around.read(storage, `${addresses}.${part}`, 1));
    return `vec4(${parts.join(", ")})`;
  };

  const quarterText = (address: Index, { variable, quarter }: WideVariable): string => {
    const rest = index(quarterOf(address, variable));
    return quarter === undefined ? rest : rest === "0u" ? quarter : `${rest} + ${quarter}`;
  };

  const operand = (x: Scalar, width: Width): string => {
    const text = self.value(x);
    return width === 4 && widthOf(x.free) === 1 ? `${typeName(x.dtype, 4)}(${text})` : tight(text);
  };

  const textOf = (x: Scalar): string => {
    const width = widthOf(x.free);
    switch (x.kind) {
      case "constant":
        return literal(x.value, x.dtype, use(1));
      case "named":
        return x.name;
      case "index":
        return `${typeName("i32", width)}(${index(x.index)})`;
      case "load":
        return loadText(x.storage, x.address);
      case "cast":
        return castText(x.to, self.value(x.input), x.input.dtype, width, use(width));
      case "reduce":
        return reduced(x);
      case "apply": {
        const inputs = fenced(x.op, x.inputs);
        const texts = inputs.map(({ input, isFenced }) => (isFenced ? `${use(width)("fence")}(${untight(operand(input, width))})` : operand(input, width)));
        const dtype: ValueType = x.inputs[x.op === "select" ? 1 : 0]?.dtype ?? x.dtype;
        return operations[x.op]({ texts, dtype, width, isSame: x.inputs[0] === x.inputs[1], use: use(width) });
      }
    }
  };

  const reduced = (x: ReduceScalar): string => {
    const level = levelOf(x.free);
    const known = new Set(scopes.flatMap(({ bound }) => [...bound.keys()]));
    const isHere = ({ free }: Scalar): boolean => levelOf(free) === level && [...free].every((key) => known.has(key));
    const batch = batches.get(x)?.filter(isHere) ?? [x];
    const below = scopes;
    scopes = scopes.slice(0, level + 1);
    const names = options.writeReduces(batch, self);
    scopes = below;
    for (const [i, other] of batch.entries()) at(level).names.set(`${other.id}`, names[i] ?? "");
    return at(level).names.get(`${x.id}`) ?? "";
  };

  const openWide = (): WideVariable | undefined => scopes.findLast(({ wide }) => wide !== undefined)?.wide;

  const self: Writer = {
    value: (x) => {
      if (x.kind === "reduce") return at(levelOf(x.free)).names.get(`${x.id}`) ?? reduced(x);
      const isNamed = x.kind !== "constant" && x.kind !== "named" && (uses.scalars.get(x) ?? 0) > 1;
      return shared(`${x.id}`, x.free, nameFor(x), isNamed, () => textOf(x), x.kind === "apply" || x.kind === "cast" || x.kind === "load");
    },
    wide: (x) => (openWide() === undefined ? self.value(x) : untight(operand(x, 4))),
    index,
    address: (address) => {
      const wide = openWide();
      return wide === undefined ? index(address) : quarterText(address, wide);
    },
    widthOf: ({ free }) => widthOf(free),
    isWide: () => openWide() !== undefined,
    use: use(1),
    line: (text) => at(scopes.length - 1).lines.push(text),
    open: (head, variables, wide) => {
      scopes = [...scopes, scope(head, variables, wide)];
    },
    close: () => {
      const { head, lines } = at(scopes.length - 1);
      scopes = scopes.slice(0, -1);
      at(scopes.length - 1).lines.push(head === "" ? "{" : `${head} {`, ...lines.map((line) => `  ${line}`), "}");
    },
    define: (x, name) => at(levelOf(x.free)).names.set(`${x.id}`, name),
    fresh,
    isOutermost: (x) => levelOf(x.free) === 0,
    text: () => at(0).lines.map((line) => `  ${line}`).join("\n"),
  };
  for (const name of bound.values()) taken.add(name);
  return self;
}

const scope = (head: string, bound: ReadonlyMap<Variable, string>, wide?: WideVariable): Scope => ({
  head,
  ...(wide === undefined ? {} : { wide }),
  bound: new Map([...bound].map(([variable, name]) => [variableKey(variable), name])),
  lines: [],
  names: new Map(),
});

/** The name of a variable in the text, before it is made unique. */
export const variableName = ({ name }: Variable): string => identifier(name);

const nameFor = (x: Scalar): string => (x.kind === "load" ? "x" : x.kind === "apply" ? `${x.op.toLowerCase()}_` : "v");

/** Whether the address is that of four neighbours, the first at a multiple of four. */
export const isAligned = (address: Index, lane: Variable): boolean =>
  strideOf(address, lane) === 1 && address.constant % 4 === 0 && address.terms.every(({ atom, times }) => (atom.kind === "variable" && variableKey(atom.variable) === variableKey(lane)) || times % 4 === 0);

const quarterOf = (address: Index, lane: Variable): Index => ({
  ...address,
  constant: address.constant / 4,
  terms: address.terms
    .filter(({ atom }) => atom.kind !== "variable" || variableKey(atom.variable) !== variableKey(lane))
    .map((term) => ({ ...term, times: term.times / 4 })),
});

/** In parentheses, unless it is one name, literal or call. */
const tight = (text: string): string => (/^[\w.]+$/.test(text) || isCall(text) ? text : `(${text})`);
const untight = (text: string): string => (text.startsWith("(") && isCall(text) ? text.slice(1, -1) : text);

/** `name(…)`, `name[…]` or `(…)` as a whole. */
function isCall(text: string): boolean {
  const open = text.search(/[([]/);
  if (open < 0 || !/^[\w.<>]*$/.test(text.slice(0, open))) return false;
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if ("([".includes(text[i] ?? "")) depth++;
    else if (")]".includes(text[i] ?? "") && --depth === 0) return i === text.length - 1;
  }
  return false;
}

/**
 * Mesa and SPIR-V tools reassociate floats: (a + b) + C, (a · b) · C, a·b + a·c, x / C. A fence, which nothing sees through,
 * stands between the two operations, so that all adapters round alike.
 */
function fenced(op: string, inputs: readonly Scalar[]): readonly { readonly input: Scalar; readonly isFenced: boolean }[] {
  const [a, b] = inputs;
  const plain = inputs.map((input) => ({ input, isFenced: false }));
  if (a?.dtype !== "f32" || b?.dtype !== "f32" || inputs.length !== 2) return plain;
  if (op === "div" && b.kind === "constant") return [{ input: a, isFenced: false }, { input: b, isFenced: true }];
  const ending = op === "mul" ? "mul" : op === "add" || op === "sub" ? "add" : undefined;
  if (ending === undefined) return plain;
  const pairs = [[a, b], [b, a]] as const;
  const isFactored = ending === "add" && a.kind === "apply" && b.kind === "apply" && a.op === "mul" && b.op === "mul" && a.inputs.some((x) => b.inputs.includes(x));
  return pairs.map(([input, other], i) => ({ input, isFenced: (other.kind === "constant" && endsIn(input, ending)) || (isFactored && i === 0) }));
}

/** Whether the last operation of the value may be of this kind. Our elementary functions end in a selection. */
function endsIn(x: Scalar, ending: "add" | "mul"): boolean {
  if (x.kind === "named" || x.kind === "reduce") return true;
  if (x.kind !== "apply") return false;
  if (["mod", "rsqrt", "neg"].includes(x.op)) return true;
  return ending === "mul" ? x.op === "mul" || x.op === "div" : x.op === "add" || x.op === "sub";
}

interface Uses {
  readonly scalars: ReadonlyMap<Scalar, number>;
  readonly atoms: ReadonlyMap<string, number>;
  readonly reduces: readonly ReduceScalar[];
}

/** Every expression that `roots` contain, inner ones first. */
export function expressionsOf(roots: readonly Scalar[]): readonly Scalar[] {
  return [...countUses(roots).scalars.keys()];
}

function countUses(roots: readonly Scalar[]): Uses {
  const scalars = new Map<Scalar, number>();
  const counts = new Map<Scalar, number>();
  const atoms = new Map<string, number>();
  const reduces: ReduceScalar[] = [];
  const visitIndex = (index: Index): void => {
    for (const { atom, key } of index.terms) {
      if (atom.kind === "variable") continue;
      atoms.set(key, (atoms.get(key) ?? 0) + 1);
      if (atom.kind === "loaded") visit(atom.from);
      else if (atoms.get(key) === 1) visitIndex(atom.of);
    }
  };
  const visit = (x: Scalar): void => {
    const before = counts.get(x) ?? 0;
    counts.set(x, before + 1);
    if (before > 0) return;
    if (x.kind === "apply") x.inputs.forEach(visit);
    else if (x.kind === "cast") visit(x.input);
    else if (x.kind === "reduce") visit(x.body);
    else if (x.kind === "load") visitIndex(x.address);
    else if (x.kind === "index") visitIndex(x.index);
    scalars.set(x, 0);
    if (x.kind === "reduce") reduces.push(x);
  };
  roots.forEach(visit);
  for (const x of scalars.keys()) scalars.set(x, counts.get(x) ?? 0);
  return { scalars, atoms, reduces };
}

/** Reductions over one variable that do not need each other's results share a loop. */
function batchReduces(reduces: readonly ReduceScalar[]): ReadonlyMap<Scalar, readonly ReduceScalar[]> {
  const batches = new Map<string, ReduceScalar[]>();
  const result = new Map<Scalar, readonly ReduceScalar[]>();
  const ranks = new Map<Scalar, number>();
  for (const x of reduces) {
    const inner = expressionsOf([x.body]).filter((other) => other.kind === "reduce");
    const rank = inner.reduce((most, other) => Math.max(most, (ranks.get(other) ?? 0) + 1), 0);
    ranks.set(x, rank);
    const key = `${rank} ${x.isInterleaved} ${variableKey(x.over)}`;
    const batch = batches.get(key) ?? [];
    batch.push(x);
    batches.set(key, batch);
    result.set(x, batch);
  }
  return result;
}
