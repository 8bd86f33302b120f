/** What a recipe would do, on one screen: known from headers alone. */

import type { Outline } from "../../compiler/compile.ts";
import { isHalf } from "../../compiler/graph/type.ts";
import type { Windows } from "../../compiler/language/value.ts";
import { bytesOf, type ModelFacts } from "../../compiler/model/facts.ts";
import { slotNames } from "../../compiler/plan/program.ts";
import type { CompressGraphs } from "../../compiler/recipe/graphs.ts";
import { layersOf } from "../../compiler/recipe/typed.ts";
import { showBytes } from "../bytes.ts";
import { table } from "./table.ts";
import { counted, lines, wrapped } from "./terminal.ts";

/** A stage as the table and `--json` show it. */
export interface StageRow {
  readonly stage: string;
  readonly action: string;
  readonly of: string;
  /** The layers that the selector matches: `q k v o × 4 layers`. */
  readonly layers: string;
  readonly matched: number;
  /** Layers that a stage without `for` leaves out, since they share their weight with a table. */
  readonly left_out: readonly { readonly layer: string; readonly tied: string }[];
  /** `64 windows of 512 tokens of text.train`; null where nothing is observed. */
  readonly over: string | null;
  /** How often they pass through each block for that. */
  readonly passes: number;
  readonly bytes_before: number;
  readonly bytes_after: number;
}

export interface OutlineReport {
  readonly recipe: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly models: readonly {
    readonly name: string;
    readonly architecture: string;
    readonly layers: number;
    readonly tensors: number;
    readonly bytes: number;
  }[];
  readonly stages: readonly StageRow[];
  readonly evaluations: readonly { readonly model: string; readonly over: string }[];
  readonly saved: { readonly model: string; readonly format: string } | null;
  /** What is said of the models. */
  readonly notes: readonly string[];
  /** From the given model to the last result; `tensors_changed` of the model's. */
  readonly total: {
    readonly tensors: number;
    readonly tensors_changed: number;
    readonly bytes_before: number;
    readonly bytes_after: number;
  };
}

/** The table's numbers. */
export function outlineReport({ typed, steps, notes }: Outline): OutlineReport {
  const facts = new Map(typed.models.map((model) => [model.name, model.facts]));
  const bases = new Map([...facts.keys()].map((name) => [name, name]));
  const saved = new Map([...facts].map(([name, model]) => [name, bytesOf(model)]));
  const tied = tiedLayers(typed);
  const changed = new Map<string, ReadonlySet<string>>();
  const stages: StageRow[] = [];
  for (const step of steps) {
    if (step.kind !== "compress") continue;
    const base = bases.get(step.of) ?? step.of;
    bases.set(step.stage, base);
    const left_out = tied.get(step.stage) ?? [];
    const row = { ...stageRow(step, facts.get(base)), left_out };
    stages.push(row);
    const tensors = step.blocks.flatMap(({ targets }) => targets.map(({ tensor }) => tensor));
    changed.set(step.stage, new Set([...(changed.get(step.of) ?? []), ...tensors]));
    saved.set(step.stage, (saved.get(step.of) ?? 0) + row.bytes_after - row.bytes_before);
  }
  const save = steps.find(({ kind }) => kind === "save");
  const result = save?.kind === "save" ? save.of : (stages.at(-1)?.stage ?? typed.models[0]?.name ?? "");
  const base = bases.get(result) ?? result;
  return {
    recipe: typed.recipe.name.text,
    parameters: Object.fromEntries(settings(typed).map(({ name, value }) => [name, value])),
    models: typed.models.map((model) => ({
      name: model.name,
      architecture: model.instance.arch.name.text,
      layers: layersOf(model),
      tensors: model.facts.tensors.size,
      bytes: saved.get(model.name) ?? 0,
    })),
    stages,
    evaluations: steps.flatMap((step) =>
      step.kind === "evaluate" ? [{ model: step.of, over: showWindows(step.windows) }] : [],
    ),
    saved: save?.kind === "save" ? { model: save.of, format: save.format } : null,
    notes: notes.map(({ title }) => title),
    total: {
      tensors: facts.get(base)?.tensors.size ?? 0,
      tensors_changed: changed.get(result)?.size ?? 0,
      bytes_before: saved.get(base) ?? 0,
      bytes_after: saved.get(result) ?? 0,
    },
  };
}

/** By stage: the layers that it leaves out, and the table with which each shares its weight. */
function tiedLayers({ steps }: Outline["typed"]): ReadonlyMap<string, StageRow["left_out"]> {
  const stages = steps.filter((step) => step.kind === "stage");
  const pairs = ({ tied }: (typeof stages)[number]): StageRow["left_out"] =>
    tied.flatMap(({ name, tied }) => (tied ? [{ layer: name, tied }] : []));
  return new Map(stages.map((stage) => [stage.name, pairs(stage)]));
}

/** The parameters that are neither models nor texts. */
function settings({ recipe, parameters }: Outline["typed"]): Outline["typed"]["parameters"] {
  const inputs = recipe.parameters.filter(
    ({ type }) => type?.kind === "plain-type" && ["Model", "Corpus"].includes(type.name.text),
  );
  return parameters.filter(({ name }) => inputs.every((input) => input.name.text !== name));
}

function stageRow(step: CompressGraphs, facts: ModelFacts | undefined): Omit<StageRow, "left_out"> {
  const targets = step.blocks.flatMap((block) => block.targets);
  let before = 0;
  let after = 0;
  for (const { tensor, graph } of targets) {
    const stored = facts?.tensors.get(tensor);
    const result = graph.outputs.find(({ name }) => name === slotNames.result);
    const count = stored?.shape.reduce((product, size) => product * size, 1) ?? 0;
    before += stored?.bytes ?? 0;
    after += count * (result?.store && isHalf(result.store) ? 2 : 4);
  }
  const { stage, action, of, windows } = step;
  const passes = Math.max(0, ...step.blocks.map(({ calibrate }) => calibrate.length));
  const over = windows && passes > 0 ? showWindows(windows) : null;
  const [layers, matched] = [matchedLayers(step), targets.length];
  return { stage, action, of, layers, matched, over, passes, bytes_before: before, bytes_after: after };
}

/** `q k v o gate up down × 4 layers`, in parts where not all blocks have the same layers. */
function matchedLayers({ blocks }: CompressGraphs): string {
  const groups = new Map<string, number>();
  const outside: string[] = [];
  for (const { layer, targets } of blocks) {
    const names = targets.map(({ selected }) => selected.linear.name).join(" ");
    if (layer === null) outside.push(names);
    else groups.set(names, (groups.get(names) ?? 0) + 1);
  }
  const inside = [...groups].map(([names, count]) => `${names} × ${counted(count, "layer")}`);
  return [...inside, ...outside].join(", ");
}

function showWindows({ corpus, split, length, draw }: Windows): string {
  const windows = draw === null ? "all windows" : counted(draw.count, "window");
  return `${windows} of ${counted(length, "token")} of ${corpus}.${split}`;
}

/** The table for people, in lines of that width. */
export function showOutline(report: OutlineReport, width = Number.POSITIVE_INFINITY): string {
  const { recipe, parameters, models, stages, evaluations, saved, total } = report;
  const settings = Object.entries(parameters).map(([name, value]) => `  ${name} ${value}`);
  const prose: string[] = [`${recipe}${settings.join("")}`, ""];
  for (const { name, architecture, layers, tensors, bytes } of models) {
    const sizes = [counted(layers, "layer"), counted(tensors, "tensor"), showBytes(bytes)];
    prose.push(`${name}: ${[architecture, ...sizes].join(", ")}`);
  }
  if (stages.length > 0) prose.push("");
  const after: string[] = [];
  for (const { stage, over, passes } of stages)
    if (over !== null) after.push(`${stage} observes ${over}${passes > 1 ? ` in ${passes} passes` : ""}`);
  for (const { stage, left_out } of stages)
    for (const { layer, tied } of left_out)
      after.push(`${stage} leaves out ${layer}, which shares its weight with ${tied}`);
  if (evaluations.length > 0) after.push("");
  for (const { model, over } of evaluations) after.push(`evaluate ${model} on ${over}`);
  const change = `${total.tensors_changed} of ${counted(total.tensors, "tensor")} change`;
  const target = saved === null ? "nothing is saved" : `${saved.model} is saved as ${saved.format}`;
  after.push("", `total: ${change}, ${showBytes(total.bytes_before)} → ${showBytes(total.bytes_after)}; ${target}`);
  const broken = (texts: readonly string[]): readonly string[] => texts.flatMap((text) => wrapped(text, width, "  "));
  return lines(...broken(prose), ...stageTable(stages, width), ...broken(after));
}

function stageTable(stages: readonly StageRow[], width: number): readonly string[] {
  if (stages.length === 0) return [];
  const rows = stages.map((row) => [
    ...[row.stage, row.action, row.of, row.layers],
    ...[showBytes(row.bytes_before), "→", showBytes(row.bytes_after)],
  ]);
  return table(["stage", "action", "of", "layers", "before", "", "after"], rows, { left: 4, width });
}
