/** What takes the place of names that other languages have. */

const none = "there is no empty value; `where` without `else` gives 0";
const functions = "functions stand alone: `abs(w)`, `sum(w, over d)`; `std/nn` has norms and activations";

export const habits: ReadonlyMap<string, string> = new Map([
  ["True", "it is written `true`"],
  ["False", "it is written `false`"],
  ["None", none],
  ["null", none],
  ["torch", functions],
  ["np", functions],
  ["Math", functions],
  ["self", "a method sees what its header names"],
  ["matmul", "a matrix product is `sum(a * b, over d)`"],
  ["transpose", "dimensions have no order: nothing needs to be transposed"],
  ["len", "the size of a dimension is `size(d)`"],
  ["range", "`index(d)` counts along a dimension"],
]);
