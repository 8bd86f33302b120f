/** The nested scopes of a function under construction: which variables each binds, what it has named, its lines so far. */

import { type Variable, variableKey } from "../index/affine.ts";
import { invariant } from "../invariant.ts";

/** A variable that stands for four neighbouring elements; `quarter` counts them in fours, nothing if it is always 0. */
export interface WideVariable {
  readonly variable: Variable;
  readonly quarter?: Variable;
}

export interface Scope {
  readonly head: string;
  /** By the keys of variables. */
  readonly bound: ReadonlyMap<string, string>;
  readonly wide?: WideVariable;
  readonly lines: string[];
  /** Names of expressions, by their keys. */
  readonly names: Map<string, string>;
}

export interface Scopes {
  readonly open: (head: string, bound: ReadonlyMap<Variable, string>, wide?: WideVariable) => void;
  readonly close: () => void;
  /** The outermost scope that has all of the variables. */
  readonly levelOf: (free: ReadonlySet<string>) => number;
  readonly at: (level: number) => Scope;
  readonly innermost: () => Scope;
  /** Whether a variable is bound further in than this scope. */
  readonly bindsBelow: (level: number) => boolean;
  readonly hasAll: (free: ReadonlySet<string>) => boolean;
  readonly nameOf: (variable: Variable) => string;
  /** The wide variable among those. */
  readonly wideAmong: (free: ReadonlySet<string>) => WideVariable | undefined;
  readonly openWide: () => WideVariable | undefined;
  /** A new name beginning like this. */
  readonly fresh: (name: string) => string;
  /** Runs `write` as if the scopes further in than this one were not there. */
  readonly outside: <T>(level: number, write: () => T) => T;
}

/** The scopes of a function whose parameters and variables so far are `bound`. */
export function scopesOf(bound: ReadonlyMap<Variable, string>, wide?: WideVariable): Scopes {
  const taken = new Set<string>(bound.values());
  let scopes: readonly Scope[] = [scope("", bound, wide)];
  const at = (level: number): Scope => {
    const found = scopes[level];
    invariant(found !== undefined, `no scope ${level}`);
    return found;
  };
  /** A loop may bind a variable again that one around it has bound, of which it then needs nothing. */
  const binding = (key: string): Scope | undefined => scopes.findLast((each) => each.bound.has(key));
  return {
    open: (head, variables, wideVariable) => {
      scopes = [...scopes, scope(head, variables, wideVariable)];
    },
    close: () => {
      const { head, lines } = at(scopes.length - 1);
      scopes = scopes.slice(0, -1);
      at(scopes.length - 1).lines.push(head === "" ? "{" : `${head} {`, ...lines.map((line) => `  ${line}`), "}");
    },
    levelOf: (free) =>
      Math.max(
        0,
        scopes.findLastIndex((each) => [...each.bound.keys()].some((key) => free.has(key))),
      ),
    at,
    innermost: () => at(scopes.length - 1),
    bindsBelow: (level) => scopes.slice(level + 1).some((each) => each.bound.size > 0),
    hasAll: (free) => [...free].every((key) => scopes.some((each) => each.bound.has(key))),
    nameOf: (variable) => {
      const found = binding(variableKey(variable))?.bound.get(variableKey(variable));
      invariant(found !== undefined, `variable ${variableKey(variable)} has no name here`);
      return found;
    },
    wideAmong: (free) =>
      scopes.find(
        (each) =>
          each.wide !== undefined &&
          free.has(variableKey(each.wide.variable)) &&
          binding(variableKey(each.wide.variable)) === each,
      )?.wide,
    openWide: () => scopes.findLast((each) => each.wide !== undefined)?.wide,
    fresh: (name) => {
      let candidate = name;
      for (let i = 2; taken.has(candidate); i++) candidate = `${name}_${i}`;
      taken.add(candidate);
      return candidate;
    },
    outside: (level, write) => {
      const inner = scopes;
      scopes = scopes.slice(0, level + 1);
      const result = write();
      scopes = inner;
      return result;
    },
  };
}

const scope = (head: string, bound: ReadonlyMap<Variable, string>, wide?: WideVariable): Scope => ({
  head,
  ...(wide === undefined ? {} : { wide }),
  bound: new Map([...bound].map(([variable, name]) => [variableKey(variable), name])),
  lines: [],
  names: new Map(),
});
