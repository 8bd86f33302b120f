/** What GPTQ's own code returned for the layer, and with which settings. */
import { readdirSync } from "node:fs";
import { number } from "../../compiler/language/number.ts";
import type { Value } from "../../compiler/language/value.ts";
import { areThere, columns, folder, numbersIn, rows, shared, valuesOf } from "./oracle-layer.ts";

/** The oracles of which the names begin so. */
export const filesOf = (start: string): readonly string[] =>
  areThere
    ? readdirSync(folder).flatMap((file) => (file.startsWith(start) ? [file.replace(".safetensors", "")] : []))
    : [];

export const truth = (value: boolean): Value => ({ kind: "boolean", value });

/** What the name of an oracle says of it. */
export function settingsOf(file: string) {
  const [, bits, group, kind, rest = ""] = /^gptq-(\d)-g(-1|\d+)-(sym|asym)(.*)$/.exec(file) ?? [];
  const every = group === "-1" ? columns : Number(group);
  const isActOrder = rest.startsWith("-act");
  const given = new Map<string, Value>([
    ["bits", number(Number(bits))],
    ["every", number(every)],
    ["symmetric", truth(kind === "sym")],
    ["mse", truth(rest.endsWith("-mse"))],
    ["act_order", truth(isActOrder)],
  ]);
  return { given, every, isActOrder, isStatic: every === columns || rest.endsWith("-static") };
}

/** Its codes, how a weight is coded on its grids, and the output error of the weights that its codes stand for. */
export async function oracle(file: string) {
  const names = ["q", "scales", "zeros", "g_idx"];
  const [q, scales, zeros, groups] = await Promise.all(names.map((name) => numbersIn(file, name)));
  const groupOf = (column: number): number => groups?.[column] ?? NaN;
  const perRow = (scales?.length ?? 0) / rows;
  const codeOf = (value: number, i: number): number => {
    const at = Math.floor(i / columns) * perRow + groupOf(i % columns);
    return Math.round(value / (scales?.[at] ?? NaN)) + (zeros?.[at] ?? NaN);
  };
  const { layer } = await shared();
  return { q, codeOf, error: layer.outputError(valuesOf([q, scales, zeros], groupOf)) };
}
