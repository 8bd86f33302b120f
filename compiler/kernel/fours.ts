/** Addresses of four neighbours along a variable that counts elements. */
import {
  coordinate,
  fromVariable,
  type Index,
  plus,
  strideOf,
  substituted,
  times,
  type Variable,
  variableKey,
} from "../index/affine.ts";

/** Whether the address is that of four neighbours, the first at a multiple of four. */
export const isAligned = (address: Index, along: Variable): boolean =>
  strideOf(address, along) === 1 &&
  address.constant % 4 === 0 &&
  address.terms.every(({ key, times }) => key === variableKey(along) || times % 4 === 0);

/** A quarter of the part of an aligned address that the variable leaves. */
export const quarterOf = (address: Index, along: Variable): Index => ({
  ...address,
  constant: address.constant / 4,
  terms: address.terms
    .filter(({ key }) => key !== variableKey(along))
    .map((term) => ({ ...term, times: term.times / 4 })),
});

/** Counts in fours what the variable counts. */
export const quarterVariable = ({ name, size }: Variable): Variable => coordinate(`${name} / 4`, size / 4);

/** The address by `quarterVariable`, if four neighbours have the same: that of a scale, say. */
export function sharedByFour(address: Index, along: Variable): Index | undefined {
  const one = coordinate("one of four", 4);
  const found = substituted(address, along, plus(times(fromVariable(quarterVariable(along)), 4), fromVariable(one)));
  return [one, along].some((each) => found.variables.has(variableKey(each))) ? undefined : found;
}
