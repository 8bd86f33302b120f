/** The recipes of rows. */
import { isCalibrated, type Method, methods, type Stage, settings } from "./methods.ts";
import { recipePath, savingPath, taskRows } from "./rows.ts";

/** The text of every recipe's file, by its path. */
export function recipes(): ReadonlyMap<string, string> {
  const asked = new Set(taskRows().map(({ method }) => method));
  return new Map(
    Object.entries(methods).flatMap(([name, method]) => [
      [recipePath(name), measuringText(name, method)],
      ...(asked.has(name) ? [[savingPath(name), savingText(name, method)] as const] : []),
    ]),
  );
}

/** That of the recipe that measures what a method makes. */
function measuringText(name: string, method: Method): string {
  const measures = [
    'import { agreement, kl_error, mean_kl, perplexity, perplexity_error, token_loss } from "std/evaluate"',
    ...imports(method),
    'import { mean_error } from "std/statistics"',
  ];
  const parameters = [
    "text: Corpus,  /// calibration and test text",
    ...settingsOf(method),
    lengthLine,
    "windows: Int = 64,  /// of the test text",
    ...(isCalibrated(method) ? [samplesLine] : []),
  ];
  return `${measures.join("\n")}

/// ${method.title}: what a model loses. \`npm run report\` writes this file.
recipe ${name}_row(
${parameterLines(parameters)}
) {
  let test = text.test.first(windows)
${sampleLine(method)}
${stageLines(method)}

  let more = token_loss(small, test, length) - token_loss(model, test, length)
  let lost = merge(more, (sample, step) -> token)

  report perplexity(model, test, length), perplexity(small, test, length)
  report perplexity_error(model, test, length), perplexity_error(small, test, length)
  report mean(lost, over token), mean_error(lost, over token), mean(more, over step)
  report mean_kl(model, small, test, length), kl_error(model, small, test, length)
  report agreement(model, small, test, length)
  report bytes(model), bytes(small)
}
`;
}

/** That of the one that saves it. */
function savingText(name: string, method: Method): string {
  const isReading = isCalibrated(method);
  const parameters = [
    ...(isReading ? ["text: Corpus,  /// calibration text"] : []),
    ...settingsOf(method),
    ...(isReading ? [lengthLine, samplesLine] : []),
  ];
  return `${imports(method).join("\n")}

/// ${method.title}: the model that the method makes. \`npm run report\` writes this file.
recipe ${name}_saved(
${parameterLines(parameters)}
) {
${isReading ? `${sampleLine(method)}\n` : ""}${stageLines(method)}

  save small as "lcomp"
}
`;
}

function imports({ stages }: Method): readonly string[] {
  const calls = stages.flatMap((stage) => [stage, ...(stage.candidates ?? [])]);
  const byModule = Map.groupBy(calls, ({ from }) => from);
  return [...byModule].map(([from, some]) => {
    const names = some.map(({ call }) => call.split("(")[0]);
    return `import { ${names.join(", ")} } from "std/${from}"`;
  });
}

const lengthLine = "length: Int = 512,  /// tokens in a window";
const samplesLine = "samples: Int = 64,  /// windows of the training text";

const settingsOf = ({ takes }: Method): readonly string[] =>
  takes.map((setting) => {
    const { type, otherwise, doc } = settings[setting];
    return `${setting}: ${type} = ${otherwise},  /// ${doc}`;
  });

const parameterLines = (others: readonly string[]): string =>
  ["model: Model,  /// a Hugging Face folder", ...others].map((line) => `  ${line}`).join("\n");

const sampleLine = (method: Method): string =>
  isCalibrated(method) ? "  let sample = text.train.sample(samples, length: length, seed: 0)\n" : "";

const stageLines = ({ stages }: Method): string =>
  stages.map((stage, i) => `  ${stageText(stage, i, stages.length)}`).join("\n");

/** The last is `small`, those before it are steps towards it. */
function stageText(stage: Stage, at: number, count: number): string {
  const { call, layers, isCalibrated: reads, keepsZeros = false, candidates } = stage;
  const nameOf = (i: number): string => (i < 0 ? "model" : i === count - 1 ? "small" : `step_${i + 1}`);
  const among = candidates && ` among { ${candidates.map((each) => each.call).join("; ")} }`;
  const clauses = `${keepsZeros ? " keeping zeros" : ""}${among ?? ""}`;
  return `stage ${nameOf(at)} = ${call} of ${nameOf(at - 1)}${reads ? " over sample" : ""}${layers && ` for ${layers}`}${clauses}`;
}
