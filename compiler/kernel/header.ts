/**
 * What stands above the functions of a kernel: features, memory, helper functions. A buffer above the largest binding is bound in
 * parts, and the functions that read and write it pick the part.
 */

import { invariant } from "../invariant.ts";
import { bytesOf, type Storage } from "../memory/storage.ts";
import { type BindingRange, bindingRanges } from "../plan/device-facts.ts";
import { bitsOf, isPacked, type Packed, readAs } from "../plan/dtype.ts";
import type { Kernel } from "../plan/program.ts";
import { helperName, helperText } from "./functions.ts";
import { bitsText, isWithinWords } from "./packed.ts";
import { tight, untight } from "./parentheses.ts";
import { combined, type Helper, typeName, type Width } from "./wgsl.ts";

export interface Binding {
  readonly storage: Storage;
  readonly access: "read" | "read_write";
  readonly offset: number;
  readonly bytes: number;
}

export interface Header {
  readonly read: (storage: number, address: string, width: Width) => string;
  readonly readsFour: (storage: number) => boolean;
  /** The storages of which single elements have been read or written. */
  readonly singles: ReadonlySet<number>;
  readonly use: (helper: Helper, width: Width) => string;
  /** The statement that stores values: one, or of a packed storage those of which the word at the address holds a part. */
  readonly write: (storage: Storage, address: string, values: readonly string[], width: Width) => string;
  readonly bindings: () => readonly Binding[];
  readonly print: (features: Kernel["features"]) => string;
}

/** How WGSL calls the features of a device. */
export const extensions: Readonly<Record<Kernel["features"][number], string>> = {
  subgroups: "subgroups",
  "shader-f16": "f16",
  "chromium-experimental-subgroup-matrix": "chromium_experimental_subgroup_matrix",
};

/** Whether a storage is declared as vectors of four: all that is read and written of it is four elements. */
export type IsFour = (storage: Storage) => boolean;

interface Options {
  readonly storages: readonly Storage[];
  readonly largestBinding: number;
  readonly isFour: IsFour;
}

interface Access {
  readonly storage: Storage;
  readonly name: string;
  readonly isWritten: boolean;
  readonly parts: readonly BindingRange[];
}

export function header({ storages, largestBinding, isFour }: Options): Header {
  const accesses = new Map<number, Access>();
  const helpers = new Map<string, { readonly helper: Helper; readonly width: Width }>();
  const [singles, fours] = [new Set<number>(), new Set<number>()];
  const access = (id: number, isWritten: boolean): Access => {
    const storage = storages[id];
    invariant(storage !== undefined, `no storage ${id}`);
    const known = accesses.get(id);
    const letter = isWritten ? "y" : "x";
    const count = [...accesses.values()].filter(({ name }) => name.startsWith(letter)).length;
    const made = known ?? {
      storage,
      name: `${letter}${count}`,
      isWritten,
      parts: bindingRanges(bytesOf(storage), largestBinding),
    };
    accesses.set(id, { ...made, isWritten: made.isWritten || isWritten });
    return made;
  };
  const use = (helper: Helper, width: Width): string => {
    const name = width === 4 ? `${helperName(helper)}4` : helperName(helper);
    helpers.set(name, { helper, width });
    return name;
  };
  const element = ({ name, parts, storage }: Access, address: string, width: Width = 1): string => {
    if (isPacked(storage.dtype)) return `${width === 4 ? "read4" : "read"}_${name}(${address})`;
    return parts.length === 1 ? `${name}[${address}]` : `read_${name}(${address})`;
  };
  const self: Header = {
    readsFour: (id) => storages[id] !== undefined && (isPacked(storages[id].dtype) || isFour(storages[id])),
    singles,
    use,
    read: (id, address, width) => {
      (width === 1 ? singles : fours).add(id);
      const from = access(id, false);
      const text = element(from, address, width);
      return from.storage.dtype === "bool" ? `(${text} != ${width === 4 ? "vec4u(0u)" : "0u"})` : text;
    },
    write: (storage, address, values, width) => {
      if (width === 1 && !isPacked(storage.dtype)) singles.add(storage.id);
      const to = access(storage.id, true);
      const { accumulate } = storage.slot ?? {};
      const bits = memoryValue(storage, address, values, width, use);
      const isSum = accumulate === "sum" && storage.dtype === "f32";
      const term = isSum ? `${use("fence", width)}(${untight(bits)})` : bits;
      const value = accumulate === undefined ? untight(bits) : combined(accumulate, element(to, address), term);
      return to.parts.length === 1 ? `${to.name}[${address}] = ${value};` : `write_${to.name}(${address}, ${value});`;
    },
    bindings: () =>
      [...accesses.values()].flatMap(({ storage, isWritten, parts }) =>
        parts.map((part) => ({ storage, access: isWritten ? ("read_write" as const) : ("read" as const), ...part })),
      ),
    print: (features) => {
      const first = self.bindings().length === 0 ? undefined : [...accesses.values()][0];
      const fence = first === undefined ? "" : first.parts.length === 1 ? first.name : `${first.name}_0`;
      let binding = 0;
      for (const { storage } of accesses.values())
        if (isPacked(storage.dtype) && (singles.has(storage.id) || fours.has(storage.id)))
          use(`decode_${storage.dtype}`, 1);
      const memory = [...accesses.values()].flatMap((each) =>
        memoryText(each, isFour(each.storage) ? 4 : 1, { singles, fours, nextBinding: () => binding++ }),
      );
      const enabled = features.map((feature) => `enable ${extensions[feature]};`);
      return [...enabled, ...memory, helperText([...helpers.values()], fence)].filter((text) => text !== "").join("\n");
    },
  };
  return self;
}

/** Writes a kernel with all memory declared as vectors of four, and again without that of which it takes single elements. */
export function inFours<Written extends Pick<Header, "singles">>(
  storages: readonly Storage[],
  write: (isFour: IsFour) => Written,
): Written {
  const canBeFour: IsFour = ({ dtype }) => !isPacked(dtype);
  const written = write(canBeFour);
  const { singles } = written;
  const isRight = [...singles].every((id) => storages[id] !== undefined && !canBeFour(storages[id]));
  return isRight ? written : write((storage) => canBeFour(storage) && !singles.has(storage.id));
}

/** A value as memory holds it; of a packed storage, the word at an address. */
function memoryValue(
  { node, dtype }: Storage,
  address: string,
  values: readonly string[],
  width: Width,
  use: Header["use"],
): string {
  if (isPacked(dtype)) return wordOf(dtype, address, values.map(untight), { use, isCode: node.type.dtype === dtype });
  const value = values.map(untight).join(", ");
  if (dtype !== "bool") return tight(value);
  return width === 4 ? `select(vec4u(0u), vec4u(1u), ${value})` : `select(0u, 1u, ${value})`;
}

/** A word of values; whole numbers that are of the type are its codes as they are. */
function wordOf(
  dtype: Packed,
  address: string,
  values: readonly string[],
  { use, isCode }: { readonly use: Header["use"]; readonly isCode: boolean },
): string {
  if (!isWithinWords(dtype)) return `${use(`pack_${dtype}`, 1)}(${address}, array(${values.join(", ")}))`;
  const isBits = isCode && readAs(dtype) === "i32";
  const encode = isBits ? "" : use(`encode_${dtype}`, 1);
  const bits = 32 / values.length;
  const code = (x: string): string => (isBits ? `(u32(${x}) & ${2 ** bits - 1}u)` : `${encode}(${x})`);
  return values.map((x, i) => (i === 0 ? code(x) : `(${code(x)} << ${i * bits}u)`)).join(" | ");
}

/** What is read: of which storages single elements, and of which four neighbours. */
interface Needed {
  readonly singles: ReadonlySet<number>;
  readonly fours: ReadonlySet<number>;
  readonly nextBinding: () => number;
}

/** The declarations of a storage, and the functions that pick its part and what lies within words. */
function memoryText(
  { storage, name, isWritten, parts }: Access,
  width: Width,
  { singles, fours, nextBinding }: Needed,
): readonly string[] {
  const { dtype } = storage;
  const type = typeName(isPacked(dtype) || dtype === "bool" ? "u32" : dtype, width);
  const mode = isWritten ? "read_write" : "read";
  const names = parts.length === 1 ? [name] : parts.map((_, i) => `${name}_${i}`);
  const size = (parts[0]?.bytes ?? 0) / (4 * width);
  const picked = (text: (place: string) => string): readonly string[] =>
    names.map((part, j) => {
      const found = text(`${part}[${j === 0 ? "i" : `i - ${j * size}u`}]`);
      return j === names.length - 1 ? `  ${found}` : `  if (i < ${(j + 1) * size}u) { ${found} }`;
    });
  const functions: string[] = [];
  if (names.length > 1) {
    const read = isPacked(dtype) ? "word" : "read";
    functions.push(`fn ${read}_${name}(i: u32) -> ${type} {`, ...picked((word) => `return ${word};`), "}");
  }
  const word = (at: string): string => (names.length > 1 ? `word_${name}(${at})` : `${name}[${at}]`);
  if (isPacked(dtype) && singles.has(storage.id)) functions.push(readText(dtype, name, word));
  if (isPacked(dtype) && fours.has(storage.id)) functions.push(...readFourText(dtype, name, word));
  if (names.length > 1 && isWritten)
    functions.push(`fn write_${name}(i: u32, value: ${type}) {`, ...picked((word) => `${word} = value; return;`), "}");
  const declare = (part: string): string =>
    `@group(0) @binding(${nextBinding()}) var<storage, ${mode}> ${part}: array<${type}>;`;
  return [...names.map(declare), ...functions];
}

const readText = (dtype: Packed, name: string, word: (at: string) => string): string =>
  `fn read_${name}(i: u32) -> ${readAs(dtype)} { return decode_${dtype}(${bitsText(dtype, 1, word)[0]}); }`;

/** Reads four neighbours from four times a place on. */
function readFourText(dtype: Packed, name: string, word: (at: string) => string): readonly string[] {
  const type = typeName(readAs(dtype), 4);
  const words = bitsText(dtype, 4, word);
  const each = 4 / words.length;
  const values = [0, 1, 2, 3].map((i) => `decode_${dtype}(w${Math.floor(i / each)} >> ${(i % each) * bitsOf(dtype)}u)`);
  return [
    `fn read4_${name}(i: u32) -> ${type} {`,
    ...words.map((text, i) => `  let w${i} = ${text};`),
    `  return ${type}(${values.join(", ")});`,
    "}",
  ];
}
