/** What takes the place of names that other languages and libraries have: each way is one that works. */
import { choice, loops, product } from "../../grammar/advice.ts";

const none = "there is no empty value; `where` without `else` gives 0";
const functions = "functions stand alone: `abs(w)`, `sum(w, over d)`; `std/nn` has norms and activations";
const noOrder = "dimensions have names and no order: nothing needs to be transposed, and `rename` gives another name";
const sizes = "the size of a dimension is `size(d)`";
const views =
  "`split(w, in -> (block, lane: 4))` makes dimensions of one, `merge(y, (block, lane) -> in)` one of several";
const aligned = "operands align by name: no dimension needs to be added or repeated";
const constant =
  "a number takes the dimensions that it meets; a tensor of them is `0 * index(d)`, or `1 where index(d) >= 0`";
const counted = "`index(d)` counts 0, 1, 2 … along a dimension, `index(grid: n)` along a new one";
const order =
  "`sort(x, over d)` puts numbers in ascending order, `order(x, over d)` says where they lie, `best(x, n, over d)` is true for the n greatest";
const joined =
  "`stack(pair: a, b)` lays values along a new dimension, `concat(x, y, (d, block) -> all)` one after the other";
const inverted = "`symmetric_inverse` of `std/matrices` is that of a symmetric matrix whose values are above 0";
const singular =
  "`leading` of `std/lowrank/factors` has the first directions, `eigh` of `std/matrices` all of a symmetric matrix";
const variance = "write `mean((x - mean(x, over d))^2, over d)`";
const numbers = "numbers have no type of their own: `i32(x)` makes whole numbers, `f32(x)` real ones";
const anyOf = "`max(x != 0, over d)` says whether any is, `min(x != 0, over d)` whether all are";
const largest = "`lowest` is the least number that is not infinite, `-lowest` the greatest";
const printed = "`report` in a recipe shows a number, `lcomp compile --emit types` the type of each name";

/** What is written in place of a name that is none here. */
export const habits: ReadonlyMap<string, string> = new Map([
  ...each("True", "it is written `true`"),
  ...each("False", "it is written `false`"),
  ...each("yes on", "it is written `true`"),
  ...each("no off", "it is written `false`"),
  ...each("None null nil nothing undefined", none),
  ...each("torch np numpy jnp jax tf math Math nn F", functions),
  ...each("self this", "a method sees what its header names"),
  ...each("map vmap apply foreach reduce filter fold", loops),
  ...each("matmul mm bmm mul", product),
  ...each(
    "einsum tensordot outer",
    "names say what is kept: `a * b` has the dimensions of both, and `sum(a * b, over d)` all but `d`",
  ),
  ...each("transpose permute T mT t swapaxes movedim adjoint", noOrder),
  ...each("len shape ndim numel length", sizes),
  ...each("reshape view flatten ravel unflatten chunk", views),
  ...each("squeeze unsqueeze expand broadcast_to repeat_interleave tile newaxis keepdim keepdims", aligned),
  ...each("range arange linspace enumerate eachindex", counted),
  ...each("zeros ones full zeros_like ones_like full_like fill empty", constant),
  ...each("eye identity", "write `1 where index(row) == index(col)`"),
  ...each(
    "diag diagonal tril triu",
    "compare positions: `m where index(row) == index(col)`, `m where index(row) <= index(col)`",
  ),
  ...each("argsort topk median quantile kthvalue sorted", order),
  ...each("cat concatenate hstack vstack vcat hcat", joined),
  ...each("inv inverse_of solve pinv lstsq cho_solve cholesky_inverse", inverted),
  ...each("svd svds", singular),
  ...each("eig eigvals eigvalsh", "`eigh` of `std/matrices` has the values and vectors of a symmetric matrix"),
  ...each("qr", "`orthonormal` and `qr_factor` of `std/matrices` are the two factors"),
  ...each("trace tr", "write `sum(m where index(row) == index(col), over (row, col))`"),
  ...each("sgn signum", "write `sign(x)`"),
  ...each("relu", "write `max(x, 0)`"),
  ...each("sigmoid", "write `1 / (1 + exp(-x))`"),
  ...each("ceiling", "write `ceil(x)`"),
  ...each("trunc fix int Int i64 Int32 int32 long astype", "`i32(x)` is the whole number towards 0"),
  ...each("float Float float32 double", numbers),
  ...each("pow power square", "a power is `x^2`"),
  ...each("mod fmod remainder rem", "the remainder is `x % 2`"),
  ...each("log10", "write `log(x) / log(10)`"),
  ...each("exp2", "write `2^x`"),
  ...each("log1p", "write `log(1 + x)`"),
  ...each("expm1", "write `exp(x) - 1`"),
  ...each("tan", "write `sin(x) / cos(x)`"),
  ...each("var variance", variance),
  ...each("std stddev", `${variance}, under \`sqrt\``),
  ...each("prod product cumprod", "write `exp(sum(log(x), over d))`, for what is above 0"),
  ...each("any all", anyOf),
  ...each("count count_nonzero", "write `sum(x != 0, over d)`"),
  ...each("maximum amax fmax", "the greater of two is `max(a, b)`, the greatest along a dimension `max(x, over d)`"),
  ...each("minimum amin fmin", "the lesser of two is `min(a, b)`, the least along a dimension `min(x, over d)`"),
  ...each("clip clamp_min clamp_max", "write `clamp(x, low, high)`, `max(x, low)` or `min(x, high)`"),
  ...each("select cond ifelse ternary", choice),
  ...each("gather take index_select take_along_axis take_along_dim", "`x[d: i]` takes the positions `i` along `d`"),
  ...each("isnan", "write `x != x`"),
  ...each("isinf isfinite", "write `abs(x) <= -lowest`, which is true for all that is finite"),
  ...each("inf Inf infinity Infinity NegInf", largest),
  ...each("nan NaN", none),
  ...each("pi PI", "write `3.141592653589793`"),
  ...each("e E", "write `exp(1)`"),
  ...each("print println printf show", printed),
]);

/** What is written in place of a type that is none here. */
export const typeHabits: ReadonlyMap<string, string> = new Map([
  ...each(
    "Tensor tensor Array array ndarray Matrix matrix Vector vector Vec",
    "a tensor's type names its dimensions: `f32[token, model]`",
  ),
  ...each(
    "float double number real Real f64 Number",
    "a number known before the run is a `Float`, one of each position a tensor such as `f32[token]`",
  ),
  ...each(
    "int integer i64 i16 i8 u8 u32 usize long Integer uint",
    "a whole number known before the run is an `Int`, one of each position a tensor such as `i32[token]`",
  ),
  ...each(
    "bool boolean",
    "a truth value known before the run is a `Bool`, one of each position a tensor such as `bool[token]`",
  ),
  ...each("str string String char", "a text is a `Text`"),
  ...each(
    "dict object Dict Map Record record tuple Tuple list List any Any",
    "a parameter without a type takes any value",
  ),
  ...each("Dataset Text_Corpus Documents", "a text to read is a `Corpus`"),
  ...each("Module PreTrainedModel", "a model is a `Model`"),
]);

function each(names: string, advice: string): [string, string][] {
  return names.split(" ").map((name) => [name, advice]);
}
