/** Models as Transformers reads them: what lcomp makes of a row that test/peers has recorded, and whether that is the same. */
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadRecipe, outline, plan } from "../../compiler/compile.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { JsonObject } from "../../runtime/io/file.ts";
import { library } from "../given/library.ts";
import { safetensorsBytes } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { runOnTokens } from "../run/tokens.ts";

/** A config.json, and tensors that go with it. */
export interface Row {
  readonly name: string;
  readonly config: JsonObject;
  readonly drop: readonly string[];
  /** What Transformers gives; without it, it raises, or fills in random weights. */
  readonly nll?: number;
}

export interface Recorded<R extends Row> {
  readonly versions: JsonObject;
  readonly length: number;
  readonly tokens: readonly number[];
  readonly rows: readonly R[];
}

/** Rows that are not simply as Transformers reads them. */
export interface Exceptions {
  /** With which sentence rows are refused: those that have a figure all the same, and those whose sentence must name the field. */
  readonly refused: { readonly [name: string]: RegExp };
  /** Rows that Transformers refuses by their types alone, and as which row they are read here. */
  readonly readAs: { readonly [name: string]: string };
  /** Rows of which something is said besides. */
  readonly noted: { readonly [name: string]: RegExp };
  /** By how much a mean loss may differ. */
  readonly tolerance: number;
}

export interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}
export type Tensors = ReadonlyMap<string, Tensor>;

export const float32 = (shape: readonly number[], values: Float32Array): Tensor => ({
  dtype: "F32",
  shape,
  bytes: new Uint8Array(values.buffer),
});

/** What lcomp makes of a row: a mean loss and what it says beside it, or the sentences with which it refuses. */
export type Found = { readonly loss: number; readonly notes: string } | { readonly refusal: string };

/** Rows evaluated on one device, in folders of their own. */
export interface Evaluations {
  /** Of a config.json and a file of weights, which `weights` names for as long as they are the same. */
  readonly evaluate: (row: Row, base: JsonObject, weights: string, tensors: () => Promise<Tensors>) => Promise<Found>;
  /** Of a model in a place of its own. */
  readonly evaluateAt: (place: string) => Promise<Found>;
  readonly close: () => void;
}

export function recorded<R extends Row>(file: string): Recorded<R> {
  return JSON.parse(readFileSync(join(root, "test/peers", file), "utf8"));
}

export async function openEvaluations({ length, tokens }: Recorded<Row>): Promise<Evaluations> {
  const recipe = loadRecipe(library, "std/evaluate");
  const device = await openDevice();
  const folder = mkdtempSync(join(tmpdir(), "lcomp-config-"));
  /** A file for each of the weights, made when a row asks for it. */
  const files = new Map<string, string>();
  /** Mean losses by weights and plan: rows that make the same plan of the same weights are computed once. */
  const computed = new Map<string, number>();

  async function fileOf(weights: string, tensors: () => Promise<Tensors>): Promise<string> {
    const known = files.get(weights);
    if (known !== undefined) return known;
    const path = join(folder, `${files.size}.safetensors`);
    writeFileSync(path, fileBytes(await tensors()));
    files.set(weights, path);
    return path;
  }

  function compile({
    config,
    tensors: headers,
  }: Checkpoint): { readonly made: Plan; readonly notes: string } | { readonly refusal: string } {
    const given = { kind: "number", value: length, text: String(length), span: nowhere } as const;
    const inputs = {
      parameters: new Map([["length", given]]),
      models: new Map([["model", { name: "model", config, tensors: headers }]]),
      corpora: new Map([["text", { tokens: { test: tokens.length } }]]),
    };
    try {
      const { notes } = outline(recipe, inputs);
      return { made: plan(recipe, inputs, device.facts), notes: notes.map(({ title }) => title).join("\n") };
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      return { refusal: error.message };
    }
  }

  async function meanLoss(made: Plan, model: Checkpoint): Promise<number> {
    const { reports } = await runOnTokens(device, made, model, { test: tokens });
    return reports.find(({ of }) => of?.measure === "mean_nll")?.value ?? absent("mean_nll");
  }

  async function evaluateAt(place: string, weights = place): Promise<Found> {
    const model = await openCheckpoint(place);
    const compiled = compile(model);
    if ("refusal" in compiled) return compiled;
    const { made, notes } = compiled;
    const key = JSON.stringify([weights, made.kernels, made.programs, made.steps]);
    const loss = computed.get(key) ?? (await meanLoss(made, model));
    computed.set(key, loss);
    return { loss, notes };
  }

  return {
    evaluateAt,
    async evaluate({ name, config, drop }, base, weights, tensors) {
      const place = join(folder, name.replaceAll(/\W/g, "-"));
      mkdirSync(place);
      const kept = Object.entries({ ...base, ...config }).filter(([key]) => !drop.includes(key));
      writeFileSync(join(place, "config.json"), JSON.stringify(Object.fromEntries(kept)));
      linkSync(await fileOf(weights, tensors), join(place, "model.safetensors"));
      return evaluateAt(place, weights);
    },
    close() {
      device.close();
      rmSync(folder, { recursive: true });
    },
  };
}

type Checkpoint = Awaited<ReturnType<typeof openCheckpoint>>;

const nowhere = { file: { path: "", text: "" }, start: 0, end: 0 };

/** A safetensors file with these tensors. */
export function fileBytes(tensors: Tensors): Uint8Array {
  let end = 0;
  const header = Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, bytes }]) => {
      end += bytes.length;
      return [name, { dtype, shape, data_offsets: [end - bytes.length, end] }];
    }),
  );
  return safetensorsBytes(header, Buffer.concat([...tensors.values()].map(({ bytes }) => bytes)));
}

/** The loss of Transformers, or a refusal; what differs from that must be listed. */
export function judge({ name }: Row, found: Found, { rows }: Recorded<Row>, exceptions: Exceptions): void {
  const { refused, readAs, noted, tolerance } = exceptions;
  const expected = rows.find((row) => row.name === (readAs[name] ?? name))?.nll;
  const sentence = refused[name];
  if ("refusal" in found) {
    if (sentence) assert.match(found.refusal, sentence);
    else assert.is(expected, undefined, `refused, and Transformers gives ${expected}: ${found.refusal}`);
    return;
  }
  const { loss, notes } = found;
  assert.is(sentence, undefined, `${loss} where a refusal is listed`);
  assert.ok(Math.abs(loss - (expected ?? Number.NaN)) < tolerance, `${loss}, and Transformers gives ${expected}`);
  assert.match(notes, noted[name] ?? /^$/);
}

export function absent(what: string): never {
  throw new Error(`there is no ${what}`);
}
