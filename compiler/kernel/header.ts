/**
 * What stands above the functions of a kernel: features, memory, helper functions. A buffer above the largest binding is bound in
 * parts, and the functions that read and write it pick the part.
 */
import { isHalf } from "../graph/type.ts";
import { invariant } from "../invariant.ts";
import { bytesOf, isPacked, type Storage } from "../memory/storage.ts";
import { type Part, partsOf } from "../plan/device-facts.ts";
import type { Kernel } from "../plan/program.ts";
import { helperName, helperText } from "./functions.ts";
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
  /** The statement that stores values: one, or of a packed storage the two that share the word at the address. */
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
  readonly parts: readonly Part[];
}

export function header({ storages, largestBinding, isFour }: Options): Header {
  const accesses = new Map<number, Access>();
  const helpers = new Map<string, { readonly helper: Helper; readonly width: Width }>();
  const singles = new Set<number>();
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
      parts: partsOf(bytesOf(storage), largestBinding),
    };
    accesses.set(id, { ...made, isWritten: made.isWritten || isWritten });
    return made;
  };
  const use = (helper: Helper, width: Width): string => {
    const name = width === 4 ? `${helperName(helper)}4` : helperName(helper);
    helpers.set(name, { helper, width });
    return name;
  };
  const element = ({ name, parts, storage }: Access, address: string): string =>
    parts.length === 1 && !isPacked(storage) ? `${name}[${address}]` : `read_${name}(${address})`;
  const self: Header = {
    readsFour: (id) => storages[id] !== undefined && isFour(storages[id]),
    singles,
    use,
    read: (id, address, width) => {
      if (width === 1) singles.add(id);
      const from = access(id, false);
      const text = element(from, address);
      return from.storage.dtype === "bool" ? `(${text} != ${width === 4 ? "vec4u(0u)" : "0u"})` : text;
    },
    write: (storage, address, values, width) => {
      if (width === 1) singles.add(storage.id);
      const to = access(storage.id, true);
      const { accumulate } = storage.slot ?? {};
      const bits = bitsOf(storage, values, width, use);
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
      for (const { storage } of accesses.values()) if (isHalf(storage.dtype)) use(`read_${storage.dtype}`, 1);
      const memory = [...accesses.values()].flatMap((each) =>
        memoryText(each, isFour(each.storage) ? 4 : 1, () => binding++),
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
  const canBeFour: IsFour = (storage) => !isPacked(storage);
  const written = write(canBeFour);
  const { singles } = written;
  const isRight = [...singles].every((id) => storages[id] !== undefined && !canBeFour(storages[id]));
  return isRight ? written : write((storage) => canBeFour(storage) && !singles.has(storage.id));
}

/** A value as memory holds it; of a packed storage, two values. */
function bitsOf({ dtype }: Storage, values: readonly string[], width: Width, use: Header["use"]): string {
  const value = values.map(untight).join(", ");
  if (isHalf(dtype)) return `${use(`pack_${dtype}`, 1)}(${value})`;
  if (dtype !== "bool") return tight(value);
  return width === 4 ? `select(vec4u(0u), vec4u(1u), ${value})` : `select(0u, 1u, ${value})`;
}

/** The declarations of a storage, and the functions that pick its part and its half of a word. */
function memoryText(
  { storage, name, isWritten, parts }: Access,
  width: Width,
  nextBinding: () => number,
): readonly string[] {
  const { dtype } = storage;
  const half = isHalf(dtype) ? dtype : undefined;
  const type = typeName(isHalf(dtype) || dtype === "bool" ? "u32" : dtype, width);
  const mode = isWritten ? "read_write" : "read";
  const names = parts.length === 1 ? [name] : parts.map((_, i) => `${name}_${i}`);
  const size = (parts[0]?.bytes ?? 0) / (4 * width);
  const picked = (i: string, text: (place: string) => string): readonly string[] =>
    names.map((part, j) => {
      const found = text(`${part}[${j === 0 ? i : `${i} - ${j * size}u`}]`);
      return j === names.length - 1 ? `  ${found}` : `  if (${i} < ${(j + 1) * size}u) { ${found} }`;
    });
  const functions: string[] = [];
  if (half !== undefined)
    functions.push(
      `fn read_${name}(i: u32) -> f32 {`,
      ...picked("(i >> 1u)", (word) => `return read_${half}(${word}, i);`),
      "}",
    );
  else if (names.length > 1)
    functions.push(`fn read_${name}(i: u32) -> ${type} {`, ...picked("i", (word) => `return ${word};`), "}");
  if (names.length > 1 && isWritten)
    functions.push(
      `fn write_${name}(i: u32, value: ${type}) {`,
      ...picked("i", (word) => `${word} = value; return;`),
      "}",
    );
  const declare = (part: string): string =>
    `@group(0) @binding(${nextBinding()}) var<storage, ${mode}> ${part}: array<${type}>;`;
  return [...names.map(declare), ...functions];
}
