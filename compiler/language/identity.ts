/** When two values are the same for whatever reads them: then what was made of one need not be made of the other again. */
import { showSize } from "./size.ts";
import type { Dimension } from "./tensor.ts";
import type { Format, RecordValue, Value } from "./value.ts";

const numbers = new WeakMap<object, number>();
let next = 0;

/** A number of its own for each object. */
export function numberOf(of: object): number {
  const found = numbers.get(of) ?? next++;
  numbers.set(of, found);
  return found;
}

/** Equal for equal values. Records of equal fields are counted as one, so that the text does not grow with how they are nested. */
export function identityOf(value: Value): string {
  switch (value.kind) {
    case "tensor":
      return `%${value.node.id} ${identityOfDims(value.dims)}`;
    case "number":
      return `${value.real} ${value.size ? showSize(value.size) : value.isWhole} ${value.isShare} ${value.blocks}`;
    case "boolean":
      return `${value.value}`;
    case "string":
      return JSON.stringify(value.value);
    case "sparsity":
      return `${value.share && identityOf(value.share)} ${value.pattern?.keep}:${value.pattern?.of}`;
    case "absent":
      return `absent ${value.name} ${value.isNull}`;
    case "config":
      return `config ${value.path} ${value.value && numberOf(value.value)}`;
    case "model":
      return `model ${value.name} ${numberOf(value.apply)}`;
    case "corpus":
      return `corpus ${value.name} ${value.split} ${value.first}`;
    case "windows":
    case "task":
      return JSON.stringify(value);
    case "method":
      return `method ${numberOf(value.method)}`;
    case "arch":
      return `arch ${numberOf(value.declaration)}`;
    case "record":
      return recordIdentity(value);
    case "callable":
      return `function ${numberOf(value)}`;
    case "format":
      return formatIdentity(value);
    case "coded":
      return `${formatIdentity(value.format)} ${identityOf(value.value)}`;
    case "wrong":
      return value.kind;
  }
}

const formatIdentity = ({ declaration, scope }: Format): string =>
  `format ${numberOf(declaration)} ${[...scope.values.values()].map(identityOf).join(" ")}`;

const records = new WeakMap<RecordValue, string>();

/** As long as its fields are many: of a record in a record, its object counts. */
function recordIdentity(value: RecordValue): string {
  const found = records.get(value);
  if (found !== undefined) return found;
  const fields = [...value.fields].map(
    ([name, field]) => `${name}: ${field.kind === "record" ? numberOf(field) : identityOf(field)}`,
  );
  const made = `{ ${fields.join(", ")} }`;
  records.set(value, made);
  return made;
}

export const identityOfDims = (dims: readonly Dimension[]): string =>
  dims
    .map(({ id, name, size, streamed, reached }) =>
      [id, name, showSize(size), streamed ? numberOf(streamed) : "", ...(reached ? [reached.id] : [])].join(" "),
    )
    .join();
