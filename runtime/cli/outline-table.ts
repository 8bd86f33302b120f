/** What a recipe would do, on one screen: known from headers alone. */

import type { Outline } from "../../compiler/compile.ts";
import { showZeros } from "../../compiler/effects/zeros.ts";
import type { Output } from "../../compiler/graph/graph.ts";
import { storedAs } from "../../compiler/graph/result-type.ts";
import { count } from "../../compiler/graph/type.ts";
import { known } from "../../compiler/language/size.ts";
import type { Dimension } from "../../compiler/language/tensor.ts";
import { showFormat } from "../../compiler/language/value.ts";
import { bytesOf, type ModelFacts } from "../../compiler/model/facts.ts";
import { layersOf } from "../../compiler/model/value.ts";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { bitsOf } from "../../compiler/plan/dtype.ts";
import { isTaskPart, sourceOfWindows } from "../../compiler/plan/plan.ts";
import { placedName, type SavedTensor, tensorsSaved } from "../../compiler/plan/step.ts";
import { isStoredDType, storedBits } from "../../compiler/plan/stored-types.ts";
import { layerOf, showState } from "../../compiler/recipe/effects.ts";
import { isInput } from "../../compiler/recipe/load-recipe.ts";
import type { TypedStage } from "../../compiler/recipe/typed.ts";
import { type ChoiceReport, choiceReport, showChoice } from "./choice-table.ts";
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
  /** What is known of weights behind it, layers that are alike together. */
  readonly leaves: readonly Leaves[];
}

/** Layers, how many of their weights are 0, as what they are stored if not as numbers, whether scales were moved into them, and whether they were rotated. */
export interface Leaves {
  readonly layers: string;
  readonly zeros: readonly string[];
  readonly stored: string | null;
  readonly folded: boolean;
  readonly rotated: boolean;
}

interface SavedRow {
  readonly model: string;
  readonly format: string;
  /** Of its tensors. */
  readonly bytes: number;
  /** `bytes(model)`, as its stages store it. */
  readonly counted_bytes: number;
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
  /** The stage whose choice is open, if there is one: nothing behind it is planned. */
  readonly choice?: ChoiceReport;
  readonly evaluations: readonly { readonly model: string; readonly over: string }[];
  /** The first of what is saved; null where nothing is. */
  readonly saved: SavedRow | null;
  readonly saves: readonly SavedRow[];
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
export function outlineReport(outline: Outline): OutlineReport {
  const { typed, steps, windows, saves, notes, question } = outline;
  const made = typed.stages.filter(({ candidates }) => candidates === undefined);
  const stages = made.map((stage, i) => stageRow(outline, stage, i));
  const results = new Map<string, Result>(
    typed.models.map(({ name, facts }) => [name, { facts, bytes: bytesOf(facts), changed: new Set() }]),
  );
  for (const [i, { stage, of, bytes_before, bytes_after }] of stages.entries()) {
    const source = results.get(of);
    if (source === undefined) continue;
    const changed = new Set([...source.changed, ...changesOf(outline, i).map(({ tensor }) => tensor)]);
    const narrowed = typed.stages[i]?.narrowing?.type.facts;
    const bytes = narrowed ? bytesOf(narrowed) : source.bytes + bytes_after - bytes_before;
    const gone = narrowed ? [...source.facts.tensors.keys()].filter((tensor) => !narrowed.tensors.has(tensor)) : [];
    results.set(stage, { facts: source.facts, bytes, changed: new Set([...changed, ...gone]) });
    if (narrowed) stages[i] = { ...stages[i], bytes_before: source.bytes, bytes_after: bytes } as StageRow;
  }
  const last = results.get(typed.saves.at(-1)?.of ?? stages.at(-1)?.stage ?? typed.models[0]?.name ?? "");
  const saved = saves.map((save): SavedRow => {
    const [facts, bytes] = [factsOf(typed, save.of), bytesSaved(tensorsSaved(save))];
    return { model: save.of, format: save.format, bytes, counted_bytes: facts ? bytesOf(facts) : bytes };
  });
  return {
    recipe: typed.recipe.name.text,
    parameters: Object.fromEntries(settings(typed).map(({ name, value }) => [name, value])),
    models: typed.models.map(({ name, facts, type }) => ({
      name,
      architecture: type.arch.declaration.name.text,
      layers: layersOf(type),
      tensors: facts.tensors.size,
      bytes: bytesOf(facts),
    })),
    stages,
    ...(question && { choice: choiceReport(question) }),
    evaluations: steps.flatMap(({ part, over }) =>
      part.stage === null && !part.purpose && part.what === "embedding"
        ? [{ model: part.of, over: showWindows(windows, over) }]
        : [],
    ),
    saved: saved[0] ?? null,
    saves: saved,
    notes: notes.map(({ title }) => title),
    total: totalOf(last, saved.at(-1)),
  };
}

/** Of what is saved last, or else of what the last stage leaves. */
function totalOf(last: Result | undefined, saved: SavedRow | undefined): OutlineReport["total"] {
  return {
    tensors: last?.facts.tensors.size ?? 0,
    tensors_changed: [...(last?.changed ?? [])].filter((name) => last?.facts.tensors.has(name)).length,
    bytes_before: last ? bytesOf(last.facts) : 0,
    bytes_after: saved?.bytes ?? last?.bytes ?? 0,
  };
}

/** What becomes of a given model. */
interface Result {
  readonly facts: ModelFacts;
  readonly bytes: number;
  readonly changed: ReadonlySet<string>;
}

/** The parameters that are neither models, texts nor tasks. */
function settings({ recipe, parameters }: Outline["typed"]): Outline["typed"]["parameters"] {
  const inputs = recipe.parameters.filter(({ type }) => type?.kind === "plain-type" && isInput(type.name.text));
  return parameters.filter(({ name }) => inputs.every((input) => input.name.text !== name));
}

interface Change {
  readonly layer: number | null;
  readonly name: string;
  readonly tensor: string;
  readonly before: number;
  readonly after: number;
}

/** The tensors that a stage changes, by its number. */
function changesOf({ steps, typed }: Outline, stage: number): readonly Change[] {
  const facts = factsOf(typed, typed.stages[stage]?.of ?? "");
  return steps.flatMap(({ part: { layer, what: name, changes, ...part }, program }): Change[] => {
    if (changes === undefined || part.stage !== stage) return [];
    const { tensor, of, outputs } = changes;
    const made = program.outputs.filter(({ name }) => outputs.includes(name));
    const after = made.reduce((sum, each) => sum + storedBytes(each), 0);
    const { bytes: stored = 0, shape = [] } = facts?.tensors.get(tensor) ?? {};
    // Of a layer that may be a part of the tensor.
    const before = of === undefined ? stored : (stored * of) / shape.reduce((n, size) => n * size, 1);
    return [{ layer, name, tensor, before, after }];
  });
}

/** Of what is written to the files of a result. */
export const bytesSaved = (tensors: readonly SavedTensor[]): number =>
  tensors.reduce((sum, { dtype, shape }) => sum + (shape.reduce((n, size) => n * size, 1) * bitsIn(dtype)) / 8, 0);

const bitsIn = (dtype: string): number => (isStoredDType(dtype) ? storedBits(dtype) : 0);

const storedBytes = (output: Output): number => Math.ceil((count(output.node.type) * bitsOf(storedAs(output))) / 8);

/** The headers of a model or of a stage's result. */
function factsOf(typed: Outline["typed"], name: string): ModelFacts | undefined {
  const stage = typed.stages.find((each) => each.name === name);
  if (stage) return stage.type?.facts ?? factsOf(typed, stage.of);
  return typed.models.find((each) => each.name === name)?.facts;
}

/** How many blocks a model or a stage's result has. */
function blocksOf(typed: Outline["typed"], name: string): number {
  const stage = typed.stages.find((each) => each.name === name);
  const type = stage ? stage.type : typed.models.find((each) => each.name === name)?.type;
  return type ? layersOf(type) : stage ? blocksOf(typed, stage.of) : 0;
}

function stageRow(
  outline: Outline,
  { name: stage, action, of, tied, narrowing, effects }: TypedStage,
  number: number,
): StageRow {
  const changes = changesOf(outline, number);
  const statistics = outline.steps.filter(({ part }) => part.stage === number && part.what === "statistics");
  const [first] = statistics;
  const blocks = blocksOf(outline.typed, of);
  const byLayer = Map.groupBy(statistics, ({ part }) => part.layer);
  return {
    ...{ stage, action, of },
    layers: narrowing ? keptOf(narrowing) : matchedLayers(changes, blocks),
    matched: changes.length,
    left_out: tied.flatMap(({ name, tied }) => (tied ? [{ layer: name, tied }] : [])),
    over: first ? showWindows(outline.windows, first.over) : null,
    passes: Math.max(0, ...[...byLayer.values()].map(({ length }) => length)),
    bytes_before: changes.reduce((sum, { before }) => sum + before, 0),
    bytes_after: changes.reduce((sum, { after }) => sum + after, 0),
    leaves: leavesOf(effects, blocksOf(outline.typed, stage)),
  };
}

function leavesOf(effects: TypedStage["effects"], blocks: number): readonly Leaves[] {
  const told = [...effects].filter(([, state]) => showState(state).length > 0);
  return [...Map.groupBy(told, ([, state]) => showState(state)).values()].map((alike) => {
    const [[, { zeros, codes, isFolded, rotated }]] = alike as [(typeof alike)[0]];
    return {
      layers: matchedLayers(
        alike.map(([key]) => layerOf(key)),
        blocks,
      ),
      zeros: zeros.map((each) => showZeros(each.zeros)),
      stored: codes && showFormat(codes.format),
      folded: isFolded,
      rotated: rotated !== null,
    };
  });
}

/** `small leaves zeros 2:4 · stored Affine(bits: 4, every: 128, symmetric: true)`; with the layers, if not all are alike. */
const showLeaves = ({ stage, leaves }: StageRow): readonly string[] =>
  leaves.map(({ layers, zeros, stored, folded, rotated }) => {
    const what = [
      ...(zeros.length > 0 ? [`zeros ${zeros.join(", ")}`] : []),
      ...(stored ? [`stored ${stored}`] : []),
      ...(folded ? ["folded"] : []),
      ...(rotated ? ["rotated"] : []),
    ];
    return `${stage} leaves ${what.join(" · ")}${leaves.length > 1 ? ` in ${layers}` : ""}`;
  });

/** `mlp 384 → 192, kv 2 → 1`, `input along model, mixed along head` */
function keptOf({ selections, rotations }: NonNullable<TypedStage["narrowing"]>): string {
  const smaller = (of: Dimension, to: number | undefined): string =>
    to === known(of.size) ? "" : ` ${known(of.size)} → ${to}`;
  const kept = selections.map(({ dim, count }) => [dim.name, smaller(dim, count)] as const);
  return [
    ...kept.flatMap(([name, change]) => (change === "" ? [] : [name + change])),
    ...rotations.map(
      ({ statement, along, to }) => `${statement.name.text} along ${along.name}${smaller(along, known(to.size))}`,
    ),
  ].join(", ");
}

/** `q k v o gate up down × 4 layers`, in parts where not all blocks have the same layers, and with their numbers: `q × 3 layers (0-1, 5)`. */
function matchedLayers(changes: readonly Pick<Change, "layer" | "name">[], blocks: number): string {
  const parts = Map.groupBy(changes, ({ layer }) => layer);
  const named = [...parts].map(([layer, some]) => ({ layer, names: namesOf(some) }));
  const inside = Map.groupBy(
    named.filter(({ layer }) => layer !== null),
    ({ names }) => names,
  );
  return [
    ...[...inside].map(([names, some]) => {
      const which = some.length < blocks ? ` (${runsOf(some.flatMap(({ layer }) => layer ?? []))})` : "";
      return `${names} × ${counted(some.length, "layer")}${which}`;
    }),
    ...named.flatMap(({ layer, names }) => (layer === null ? [names] : [])),
  ].join(", ");
}

/** `q k v gate[0-7]` */
function namesOf(layers: readonly Pick<Change, "name">[]): string {
  const placed = Map.groupBy(
    layers.map(({ name }) => placedName(name)),
    ({ declared }) => declared,
  );
  const shown = [...placed].map(([name, some]) => {
    const positions = some.flatMap(({ at }) => at ?? []);
    return positions.length > 0 ? `${name}[${runsOf(positions)}]` : name;
  });
  return shown.join(" ");
}

/** `0-3, 7`. */
function runsOf(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const starts = sorted.filter((each) => !sorted.includes(each - 1));
  const runs = starts.map((first) => {
    let last = first;
    while (sorted.includes(last + 1)) last++;
    return first === last ? `${first}` : `${first}-${last}`;
  });
  return runs.join(", ");
}

function showWindows(windows: Outline["windows"], number: number | null): string {
  const found = number === null ? undefined : windows[number];
  if (found === undefined) return "";
  const { split, length, first, draw } = found;
  const count = draw?.count ?? first;
  const [one, each] = isTaskPart(split) ? ["item", "at most "] : ["window", ""];
  const many = count === null ? `all ${one}s` : counted(count, one);
  return `${many} of ${each}${counted(length, "token")} of ${sourceOfWindows(found)}`;
}

/** The table for people, in lines of that width. */
export function showOutline(report: OutlineReport, width = Number.POSITIVE_INFINITY): string {
  const { recipe, parameters, models, stages, choice } = report;
  const settings = Object.entries(parameters).map(([name, value]) => `  ${name} ${value}`);
  const prose: string[] = [`${recipe}${settings.join("")}`, ""];
  for (const { name, architecture, layers, tensors, bytes } of models) {
    const sizes = [counted(layers, "layer"), counted(tensors, "tensor"), showBytes(bytes)];
    prose.push(`${name}: ${[architecture, ...sizes].join(", ")}`);
  }
  if (stages.length > 0) prose.push("");
  const after: string[] = stages.flatMap(showLeaves);
  for (const { stage, over, passes } of stages)
    if (over !== null) after.push(`${stage} observes ${over}${passes > 1 ? ` in ${passes} passes` : ""}`);
  for (const { stage, left_out } of stages)
    for (const { layer, tied } of left_out)
      after.push(`${stage} leaves out ${layer}, which shares its weight with ${tied}`);
  after.push(...(choice ? [] : behindStages(report)));
  const broken = (texts: readonly string[]): readonly string[] => texts.flatMap((text) => wrapped(text, width, "  "));
  const planned = lines(...broken(prose), ...stageTable(stages, width), ...broken(after));
  return choice ? planned + showChoice(choice, width) : planned;
}

/** What is evaluated and saved, and what becomes of the whole. */
function behindStages({ evaluations, saves, total }: OutlineReport): readonly string[] {
  const change = `${total.tensors_changed} of ${counted(total.tensors, "tensor")} change`;
  const size = ({ model, bytes, counted_bytes }: SavedRow): string => {
    const other = bytes === counted_bytes ? "" : ` for what \`bytes(${model})\` counts as ${showBytes(counted_bytes)}`;
    return saves.length > 1 || other ? `, ${showBytes(bytes)}${other}` : "";
  };
  const targets = saves.map((each) => `${each.model} is saved as ${each.format}${size(each)}`);
  const target = targets.join("; ") || "nothing is saved";
  return [
    ...(evaluations.length > 0 ? [""] : []),
    ...evaluations.map(({ model, over }) => `evaluate ${model} on ${over}`),
    ...["", `total: ${change}, ${showBytes(total.bytes_before)} → ${showBytes(total.bytes_after)}; ${target}`],
  ];
}

function stageTable(stages: readonly StageRow[], width: number): readonly string[] {
  if (stages.length === 0) return [];
  const rows = stages.map((row) => [
    ...[row.stage, row.action, row.of, row.layers],
    ...[showBytes(row.bytes_before), "→", showBytes(row.bytes_after)],
  ]);
  return table(["stage", "action", "of", "layers", "before", "", "after"], rows, { left: 4, width });
}
