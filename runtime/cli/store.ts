/** `lcomp store`: what a store holds. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { declaredBytes } from "../io/safetensors-writer.ts";
import type { StepRecord } from "../store/journal.ts";
import { readStore, StoreFolder } from "../store/store-folder.ts";
import type { StoreIndex } from "../store/store-index.ts";
import { UserError } from "../user-error.ts";
import { type Command, declare, flag } from "./flags.ts";
import { table } from "./table.ts";
import { counted, lines, printResult, say, wrapped } from "./terminal.ts";

export const storeCommand: Command = {
  builder: (yargs) =>
    declare(yargs.positional("DIR", { type: "string", describe: "the folder of a store" }), {
      clean: flag("remove what is of no recipe's newest run, and what is damaged"),
      json: flag("print the list as JSON"),
    }),
  handler: async (flags) => {
    const path = resolve(String(flags["DIR"]));
    if (statSync(path, { throwIfNoEntry: false }) === undefined) throw new UserError(`there is no store ${path}`);
    const freed = flags["clean"] === true ? await clean(path) : null;
    const report = { ...storeReport(readStore(path)), freed };
    printResult(flags, report, (width) => showStore(report, width));
  },
};

async function clean(path: string): Promise<number> {
  const store = new StoreFolder(path);
  try {
    return await store.clean();
  } finally {
    if (store.damage !== null) say(process.stderr, lines(store.damage));
    store.close();
  }
}

interface StoreReport {
  /** Those that ran on it. */
  readonly recipes: readonly string[];
  readonly stages: readonly StageRow[];
  /** Given tensors whose hashes are remembered. */
  readonly hashes: number;
  /** Of all contents; what several stages share counts once. */
  readonly bytes: number;
}

/** The steps of a stage, or of an evaluation. */
interface StageRow {
  readonly stage: string;
  /** Empty for an evaluation. */
  readonly action: string;
  readonly steps: number;
  /** How often one of them has ended again. */
  readonly repeated: number;
  readonly bytes: number;
  /** Whether the newest run of a recipe has any of them. */
  readonly newest: boolean;
}

function storeReport(index: StoreIndex): StoreReport {
  const runs = index.runs();
  const newest = new Set([...runs.values()].flatMap((own) => [...own]));
  const stages = Map.groupBy(index.records(), ({ part: { of, action } }) => JSON.stringify([of, action]));
  const rows = [...stages.values()].map((records) => stageRow(records, index, newest));
  return { recipes: [...runs.keys()], stages: rows, hashes: index.given().length, bytes: index.bytes() };
}

function stageRow(records: readonly StepRecord[], index: StoreIndex, newest: ReadonlySet<string>): StageRow {
  const own = [...new Set(records.map(({ key }) => key))];
  const outputs = own.flatMap((key) => index.find(key)?.outputs ?? []);
  const { of: stage = "", action = "" } = records[0]?.part ?? {};
  return {
    ...{ stage, action, steps: own.length, repeated: records.length - own.length },
    bytes: outputs.reduce((sum, output) => sum + declaredBytes(output), 0),
    newest: own.some((key) => newest.has(key)),
  };
}

type Shown = StoreReport & { readonly freed: number | null };

function showStore({ recipes, stages, hashes, bytes, freed }: Shown, width: number): string {
  const rows = stages.map(({ stage, action, steps, repeated, ...row }) => [
    stage === "" ? "measures" : action === "" ? `evaluate ${stage}` : `${stage} = ${action}`,
    row.newest ? "newest" : "earlier",
    ...[String(steps), repeated === 0 ? "" : String(repeated), showBytes(row.bytes)],
  ]);
  const total = `${showBytes(bytes)} in all, and the hashes of ${counted(hashes, "tensor")} of given models`;
  const said = [
    recipes.length === 0 ? total : `${total}; of ${recipes.join(", ")}`,
    ...(freed === null ? [] : [`${showBytes(freed)} are freed`]),
  ];
  const shown =
    stages.length === 0 ? [] : [...table(["stage", "run", "steps", "repeated", "bytes"], rows, { left: 2, width }), ""];
  return lines(...shown, ...said.flatMap((text) => wrapped(text, width)));
}
