/** The page of a run: what was asked, what was done, what that did, and what it took. */
import { showBytes } from "../../../compiler/plan/bytes.ts";
import { showCount } from "../needs-table.ts";
import { number, percent, type RunReport } from "../result-table.ts";
import type { ChangedLayer } from "../run-record.ts";
import { curvesOf } from "../series.ts";
import { duration } from "../table.ts";
import { draw } from "./draw.ts";
import { folded, type Html, html, list, type Part, page, section, table } from "./html.ts";
import { blockCurves, blockPoints, layerMaps, layerTable, saysOfBlocks, saysOfErrors } from "./layers.ts";
import { bars, curves, pareto, short } from "./pictures.ts";

/** The text of the page. Of equal inputs on one adapter it is the same but for times, and for the memory of the process. */
export async function runPage(report: RunReport): Promise<string> {
  const { recipe } = report.asked;
  return page({
    title: recipe.name,
    lead: lead(report),
    body: [
      saved(report),
      await measured(report),
      await byBlock(report),
      await stages(report),
      await choices(report),
      await taken(report),
      asked(report),
      section("Notes", list(report.notes), leftBehind(report)),
    ],
    record: report,
  });
}

/** What came of it. */
function lead({ asked: { recipe, models }, saves, checks, seconds, adapter }: RunReport): Html {
  const sizes = saves.map(({ model, origin, bytes }) => {
    const given = models.find(({ name }) => name === origin);
    const kl = checks?.[model]?.kl;
    const apart = kl === undefined ? "" : `, KL(${origin} ‖ ${model}) ${short(kl)}`;
    return html`<p class="lead">${model}: ${given ? `${showBytes(given.bytes)} → ` : ""}${showBytes(bytes)}${apart}</p>\n`;
  });
  const doc = recipe.doc === "" ? null : html`<p>${recipe.doc}</p>\n`;
  return html`${doc}${sizes}<p class="quiet">${duration(seconds)} on ${adapter}</p>\n`;
}

function saved({ asked: { models }, saves, checks, expectations }: RunReport): Html | null {
  const rows = saves.map(({ model, origin, format, bytes }) => {
    const given = models.find(({ name }) => name === origin)?.bytes ?? Number.NaN;
    const check = checks?.[model];
    const read = check ? [number(check.loss), number(check.saved_loss), number(check.kl)] : ["", "", ""];
    return [model, format, showBytes(given), showBytes(bytes), percent(bytes / given), ...read];
  });
  const head = ["model", "format", "given", "result", "of given", "loss", "read back", "KL from given"];
  const kept = checks === undefined && saves.length > 0 ? html`<p class="bad">Nothing was saved.</p>\n` : null;
  const explained = html`<p class="quiet">The loss is that of the model which was saved, in nats per token; read back, that of its files.</p>\n`;
  const found = expectations.map(({ text, place, holds }) => [
    html`<code>${text}</code>`,
    holds ? html`<span class="good">holds</span>` : html`<span class="bad">does not hold</span>`,
    place,
  ]);
  return section(
    "Result",
    kept,
    table("What is saved", head, rows, { words: 2 }),
    saves.length > 0 ? explained : null,
    table("Expectations", ["expectation", "outcome", "place"], found, { words: 3 }),
  );
}

async function measured(report: RunReport): Promise<Html | null> {
  const { measures, values } = report;
  const models = [...new Set(Object.values(measures).flatMap(Object.keys))];
  const rows = Object.entries(measures).map(([name, row]) => [name, ...models.map((model) => number(row[model]))]);
  const others = Object.entries(values).map(([text, value]) => [text, number(value)]);
  return section(
    "Measures",
    table("Of each model", ["measure", ...models], rows),
    table("Between models", ["measure", "value"], others),
    await draw(curvesOf(report).map(curves)),
  );
}

/** Where on the way through the model predictions lose what they lose. */
async function byBlock(report: RunReport): Promise<Html | null> {
  const { asked, saves, compared } = report;
  const isToBe = asked.stages.length > 0 && saves.length > 0 && compared.length === 0;
  const none = html`<p class="quiet">Nothing is compared by block or by layer: that takes a text, and a last stage that changes matrices of linear layers and nothing else.</p>\n`;
  return section(
    "Block by block",
    await draw(
      blockCurves((loss) =>
        compared.flatMap((each) => (each.measure === loss ? [{ name: each.model, points: blockPoints(each) }] : [])),
      ),
    ),
    sentences(saysOfBlocks(report)),
    isToBe ? none : null,
  );
}

/** Quiet ones, each by itself. */
const sentences = (some: readonly string[]): Part =>
  some.length === 0 ? null : some.map((each) => html`<p class="quiet">${each}</p>\n`);

async function stages(report: RunReport): Promise<Html | null> {
  const { asked, layers, zeros, stage_seconds } = report;
  const rows = asked.stages.map(({ name, action, of }) => {
    const own = layers.filter(({ stage }) => stage === name);
    const size = (of: (layer: ChangedLayer) => number | null): string => {
      const sizes = own.flatMap((each) => of(each) ?? []);
      return sizes.length === 0 || sizes.length < own.length ? "" : showBytes(sizes.reduce((a, b) => a + b, 0));
    };
    const sizes = [size(({ bytes_before }) => bytes_before), size(({ bytes_after }) => bytes_after)];
    const time = duration(stage_seconds[name] ?? 0);
    return [name, html`<code>${action}</code>`, of, own.length, ...sizes, percent(zeros[name]?.["all"]), time];
  });
  const head = ["stage", "method", "of", "weights", "before", "after", "zeros", "time"];
  return section(
    "Stages",
    table("What each stage does", head, rows, { words: 3 }),
    kindsTable(zeros),
    await draw(layerMaps(report)),
    sentences(saysOfErrors(report)),
    asked.stages.map(({ name }) =>
      layerTable(
        name,
        layers.filter(({ stage }) => stage === name),
      ),
    ),
  );
}

function kindsTable(zeros: RunReport["zeros"]): Html | null {
  const stages = Object.keys(zeros);
  const kinds = [...new Set(Object.values(zeros).flatMap(Object.keys))].filter((kind) => kind !== "all");
  const rows = kinds.map((kind) => [kind, ...stages.map((stage) => percent(zeros[stage]?.[kind]))]);
  return table("Zeros by layer", ["layer", ...stages], rows);
}

async function choices({ choices: made = [] }: RunReport): Promise<Html | null> {
  const parts: Part[] = [];
  for (const { stage, bytes, candidates, curve } of made) {
    const rows = candidates.map(({ candidate, groups }) => [
      html`<code>${candidate}</code>`,
      groups.join(", "),
      groups.length,
    ]);
    parts.push(table(`What ${stage} has chosen`, ["candidate", "layers", "groups"], rows, { words: 2 }));
    const offers = curve.flatMap((each) =>
      each.harm === null ? [] : [{ name: "", bytes: each.bytes, loss: each.harm }],
    );
    const title = `${stage}: harm at other sizes, as a multiple of that at ${showBytes(bytes)}`;
    if (offers.length > 1) parts.push(await draw([pareto(title, "harm", offers)]));
  }
  return section("Choices", ...parts);
}

async function taken({ taken: all, memory, seconds, compile_seconds }: RunReport): Promise<Html | null> {
  const rate = (time: number, shown: string): string => (time > 0 ? `${shown}/s` : "");
  const rows = all.map(({ what, seconds: time, operations, bytes_moved }) => [
    ...[what, duration(time), showCount(operations), rate(time, showCount(operations / time))],
    ...[showBytes(bytes_moved), rate(time, showBytes(bytes_moved / time))],
  ]);
  const head = ["work", "time", "operations", "at a rate of", "bytes moved", "at a rate of"];
  const shown = all.map(({ what, seconds: time }) => ({ name: what, number: time, shown: duration(time) }));
  const sizes = [
    ["GPU memory", showBytes(memory.planned.gpu), showBytes(memory.measured.gpu)],
    ["host memory", showBytes(memory.planned.host), ""],
    ["the whole process", "", showBytes(memory.measured.process)],
  ];
  return section(
    "Time and memory",
    html`<p>${`${duration(seconds)} in all, of which compiling ${duration(compile_seconds)}. Steps that an earlier run had made count with what they took there.`}</p>\n`,
    await draw(all.length > 1 ? [bars("Time", shown)] : []),
    table("Work, as planned, and its time", head, rows),
    table("Memory, at most at once", ["memory", "planned", "measured"], sizes),
  );
}

function asked({ asked: { recipe, plan, models, corpora, windows }, adapter }: RunReport): Html | null {
  const inputs = new Set([...models, ...corpora].map(({ name }) => name));
  const settings = recipe.parameters.flatMap(({ name, value }) => (inputs.has(name) ? [] : [[name, value]]));
  const given = models.map(({ name, architecture, layers, bytes, headers }) => [
    ...[name, architecture, html`<code>${headers}</code>`],
    ...[layers, showBytes(bytes)],
  ]);
  const texts = corpora.flatMap(({ name, splits }) =>
    splits.map(({ split, tokens, sha256 }) => [`${name}.${split}`, html`<code>${sha256}</code>`, tokens]),
  );
  const passed = windows.map(({ corpus, split, length, count, seed }) => [
    ...[`${corpus}.${split}`, seed === null ? "all, in order" : `drawn with seed ${seed}`],
    ...[count, length],
  ]);
  const sources = recipe.sources.map(({ module, sha256 }) => [module, html`<code>${sha256}</code>`]);
  return section(
    "What was asked",
    table("Parameters", ["parameter", "value"], settings, { words: 2 }),
    table("Models", ["model", "architecture", "sha256 of headers", "blocks", "size"], given, { words: 3 }),
    table("Texts", ["text", "sha256 of token ids", "tokens"], texts, { words: 2 }),
    table("Windows", ["text", "which", "windows", "tokens in each"], passed, { words: 2 }),
    html`<h3>Recipe</h3>\n<div class="wide text" tabindex="0" role="group" aria-label="Recipe"><pre><code>${recipe.text}</code></pre></div>\n`,
    folded("Modules", table("Modules", ["module", "sha256"], sources, { words: 2 })),
    html`<p class="quiet">Plan: sha256 <code>${plan}</code><br>Adapter: ${adapter}</p>\n`,
  );
}

function leftBehind({ left_behind, left_behind_because }: RunReport): Html | null {
  const rows = left_behind.map((name) => [name, left_behind_because[name] ?? ""]);
  return table("Files that were not copied", ["file", "why"], rows, { words: 2 });
}
