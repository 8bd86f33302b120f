/**
 * Experts that a file keeps in one tensor, as Transformers 5 has them in memory: `stdlib/arch/fused.json` says by model type which
 * matrices lie in it, for each expert one below the other. They are read as the tensors that checkpoints have of them elsewhere.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../package-root.ts";
import type { JsonObject } from "./file.ts";
import type { StoredTensor } from "./safetensors.ts";

/** By the name of a tensor in its block: those that it stands for, `{expert}` for the number of each. */
type Table = Readonly<Record<string, readonly string[]>>;

/** By model type. */
type Tables = Readonly<Record<string, Table>>;

let known: Tables | undefined;

/** What the file says, which is read once. */
function readTables(): Tables {
  const tables: Tables = known ?? JSON.parse(readFileSync(join(packageRoot, "stdlib/arch/fused.json"), "utf8"));
  known = tables;
  return tables;
}

/** The tensors by their names, with each expert's matrices apart. */
export function withExpertsApart(
  tensors: ReadonlyMap<string, StoredTensor>,
  { model_type: type }: JsonObject,
): ReadonlyMap<string, StoredTensor> {
  const tables = readTables();
  const table = typeof type === "string" && Object.hasOwn(tables, type) ? tables[type] : undefined;
  if (table === undefined) return tensors;
  const apart = [...tensors.values()].flatMap((tensor) => partsOf(tensor, table));
  return new Map(apart.map((tensor) => [tensor.name, tensor]));
}

/** The tensor, or those that lie in it; what has another shape is left to be refused. */
function partsOf(tensor: StoredTensor, table: Table): readonly StoredTensor[] {
  const [, block, own = ""] = /^(.*layers\.\d+\.)(.*)$/.exec(tensor.name) ?? [];
  const names = Object.hasOwn(table, own) ? (table[own] ?? []) : [];
  const [first] = names;
  if (first === undefined) return [tensor];
  if (!first.includes("{expert}")) return [{ ...tensor, name: `${block}${first}` }];
  const [experts, rows, columns] = tensor.shape as readonly [number, number, number];
  if (tensor.shape.length !== 3 || experts === 0 || rows % names.length !== 0) return [tensor];
  const bytes = tensor.bytes / (experts * names.length);
  return Array.from({ length: experts }, (_, expert) =>
    names.map((name, i) => ({
      ...tensor,
      name: `${block}${name.replace("{expert}", String(expert))}`,
      shape: [rows / names.length, columns],
      offset: tensor.offset + (expert * names.length + i) * bytes,
      bytes,
    })),
  ).flat();
}
