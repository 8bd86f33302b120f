/** What models write behind questions, texts and beginnings: how good it is, and how likely MODEL finds what OTHER writes. */
import { basename } from "node:path";
import type { EncodedItem } from "../io/tasks/choice.ts";
import { byLength } from "../io/tasks/windows.ts";
import { type Form, readWritten, type WrittenItem, type WrittenItems } from "../io/tasks/written-items.ts";
import type { SeriesResult } from "../run/result.ts";
import { UserError } from "../user-error.ts";
import { countGiven, type Flags, given, several } from "./flags.ts";
import { entryOf } from "./host.ts";
import { openRecipe, recipeOf } from "./recipe.ts";
import { compileAndRun, type RunPlaces } from "./run.ts";
import { indistinguishable, type Mean, meanOf } from "./statistics.ts";
import { containment, exactMatch, longestOverlap, overlap } from "./text-scores.ts";
import { readBy } from "./texts.ts";
import { writing } from "./writer.ts";

/** Of each measure its mean over items. */
type Scores = Readonly<Record<string, Mean>>;

export interface WrittenEvaluation {
  readonly items: number;
  /** How many tokens were written at most. */
  readonly tokens: number;
  readonly scores: Scores;
  /** Those of OTHER, what lies between both on the same items, and what MODEL finds of the texts that each has written, in nats per token. */
  readonly against?: {
    readonly scores: Scores;
    readonly change: Readonly<Record<string, Mean & { readonly indistinguishable: boolean }>>;
    /** ROUGE-L between the texts of both. */
    readonly alike: Mean;
    readonly nll: Readonly<Record<"own" | "other", Mean>>;
    /** KL(MODEL ‖ OTHER) along the texts of OTHER. */
    readonly kl: Mean;
  };
}

interface Found {
  readonly found: Readonly<Record<string, WrittenEvaluation>>;
  readonly notes: readonly string[];
}

/** A text that a model has written behind a prompt. */
interface Written {
  readonly prompt: readonly number[];
  readonly ids: readonly number[];
  readonly text: string;
}

/** How many texts are written side by side: reading all weights for a token of one costs as much as for one of each. */
const together = 8;

/** How many tokens are written where nothing is said. */
const usualTokens = 32;

type Measures = Readonly<Record<string, (written: string, wanted: readonly string[]) => number>>;

/** The measures of each form; an answer is the first line that says something. */
const measures: Readonly<Record<Form, Measures>> = {
  answers: {
    exact_match: (written, wanted) => exactMatch(firstLine(written), wanted),
    f1: (written, wanted) => overlap(firstLine(written), wanted),
  },
  reference: {
    rouge_l: (written, wanted) => longestOverlap(firstLine(written), wanted),
    f1: (written, wanted) => overlap(firstLine(written), wanted),
  },
  none: {},
};

/** What `--compat` adds to them: measures that others have published numbers by. */
const compatible: Readonly<Record<string, Measures>> = {
  "llm-kick": { llm_kick: (written, wanted) => containment(firstLine(written), wanted) },
};

/** The measures of a form, with those that are asked for beside them. */
function measuresOf(form: Form, flags: Flags): Measures {
  const compat = given(flags, "compat");
  if (compat === undefined) return measures[form];
  const more = Object.hasOwn(compatible, compat) ? compatible[compat] : undefined;
  if (more === undefined)
    throw new UserError(`--compat is ${Object.keys(compatible).join(" or ")}, and not ${compat}`, { exitCode: 2 });
  return form === "answers" ? { ...measures.answers, ...more } : measures[form];
}

const firstLine = (text: string): string => text.trimStart().split("\n")[0] ?? "";

/** What was found of each file, by its name, and what was said. */
export async function evaluateWritten(flags: Flags, options: RunPlaces): Promise<Found> {
  const tokens = countGiven(flags, "tokens", "tokens") ?? usualTokens;
  const first = countGiven(flags, "first", "items");
  measuresOf("none", flags);
  const files = new Map<string, WrittenItems>();
  for (const path of several(flags, "generate")) {
    const name = basename(path).replace(/\.jsonl$/, "");
    if (files.has(name)) throw new UserError(`--generate is given ${name} twice`, { exitCode: 2 });
    files.set(name, await readWritten(path, first));
  }
  const found: [string, WrittenEvaluation][] = [];
  const notes: string[] = [];
  for (const [name, items] of files) {
    const made = await evaluateFile(flags, items, tokens, options);
    found.push([name, made.evaluation]);
    notes.push(...made.notes);
  }
  return { found: Object.fromEntries(found), notes };
}

/** Lets both models write behind each item, one after the other, and MODEL judge what both have written. */
async function evaluateFile(
  flags: Flags,
  { form, items }: WrittenItems,
  tokens: number,
  options: RunPlaces,
): Promise<{ readonly evaluation: WrittenEvaluation; readonly notes: readonly string[] }> {
  const [own, other] = [given(flags, "model"), given(flags, "against")];
  const writtenBy = (model: string): Promise<readonly Written[]> =>
    write({ flags, model, items, tokens }, options.signal);
  const texts = await writtenBy(own ?? "");
  const scored = scoresOf(measuresOf(form, flags), items, texts);
  const base = { items: items.length, tokens, scores: means(scored) };
  if (other === undefined) return { evaluation: base, notes: [] };
  const others = await writtenBy(other);
  const judged = await judge(flags, { own: texts, other: others }, options);
  const compared = scoresOf(measuresOf(form, flags), items, others);
  const changes = Object.entries(scored).map(([name, values]) => {
    const change = meanOf((compared[name] ?? []).map((value, i) => value - (values[i] ?? Number.NaN)));
    return [name, { ...change, indistinguishable: indistinguishable(change) }] as const;
  });
  const alike = meanOf(others.map(({ text }, i) => longestOverlap(text, [texts[i]?.text ?? ""])));
  const { notes, ...found } = judged;
  const against = { scores: means(compared), change: Object.fromEntries(changes), alike, ...found };
  return { evaluation: { ...base, against }, notes };
}

interface Asked {
  readonly flags: Flags;
  readonly model: string;
  readonly items: readonly WrittenItem[];
  readonly tokens: number;
}

/** What a model writes behind each item. */
const write = ({ items, ...asked }: Asked, signal: AbortSignal): Promise<readonly Written[]> =>
  writing({ ...asked, prompts: items, texts: together }, signal, async ({ writer, tokenizer, prompts, ends }) => {
    const written = await writer.continueTexts(prompts, { tokens: asked.tokens, ends });
    return written.map(({ ids }, i): Written => {
      const prompt = prompts[i] ?? [];
      return { prompt, ids, text: tokenizer.decode([...prompt, ...ids]).slice(tokenizer.decode(prompt).length) };
    });
  });

/** Each measure of each item. */
const scoresOf = (
  measured: Measures,
  items: readonly WrittenItem[],
  texts: readonly Written[],
): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(
    Object.entries(measured).map(([name, score]) => [
      name,
      items.map(({ wanted }, i) => score(texts[i]?.text ?? "", wanted)),
    ]),
  );

const means = (scores: Readonly<Record<string, readonly number[]>>): Scores =>
  Object.fromEntries(Object.entries(scores).map(([name, values]) => [name, meanOf(values)]));

type Judged = Pick<NonNullable<WrittenEvaluation["against"]>, "nll" | "kl"> & { readonly notes: readonly string[] };

/** How likely MODEL finds what each has written, and how far OTHER is from it along its own texts; what is empty is left out. */
async function judge(
  flags: Flags,
  texts: Readonly<Record<"own" | "other", readonly Written[]>>,
  options: RunPlaces,
): Promise<Judged> {
  const parts = new Map<string, readonly EncodedItem[]>();
  for (const writer of ["own", "other"] as const) {
    const items = texts[writer].flatMap(itemOf);
    if (items.length === 0) throw new UserError("nothing was written that could be compared; give other items");
    for (const [i, places] of byLength(items).entries())
      parts.set(
        `${writer}_${i + 1}`,
        places.flatMap((place) => items[place] ?? []),
      );
  }
  const recipe = recipeOf(entryOf("eval --generate", recipeText([...parts.keys()])), given(flags, "arch"));
  const open = await openRecipe(recipe, flags, { ...readBy(parts), tokenizer: {}, notes: [] });
  const { result, notes } = await compileAndRun(open, flags, options);
  const of = (call: string): Mean => meanOf(valuesOf(result.series, call));
  return {
    nll: { own: of("written_nll(model, own_"), other: of("written_nll(model, other_") },
    kl: of("written_kl("),
    notes,
  };
}

/** A text as a choice without others, of which what was written is scored. */
function itemOf({ prompt, ids }: Written): readonly EncodedItem[] {
  const tokens = Int32Array.from([...prompt, ...ids]);
  return ids.length === 0 ? [] : [{ choices: [{ tokens, scored: ids.length, characters: 1 }], answer: 0 }];
}

/** Those of all parts whose report begins so. */
const valuesOf = (series: readonly SeriesResult[], call: string): readonly number[] =>
  series.flatMap(({ text, values }) => (text.startsWith(call) ? values : []));

function recipeText(parts: readonly string[]): string {
  const parameters = ["model: Model", "against: Model", ...parts.map((name) => `${name}: Task`)];
  const reports = parts.flatMap((name) => [
    `  report written_nll(model, ${name})`,
    ...(name.startsWith("other_") ? [`  report written_kl(model, against, ${name})`] : []),
  ]);
  const head = 'import { written_nll, written_kl } from "std/writing"';
  return [head, "", `recipe written(${parameters.join(", ")}) {`, ...reports, "}", ""].join("\n");
}
