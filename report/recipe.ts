/** The recipe of a method's rows. */
import { isCalibrated, type Method, type Stage, settings } from "./methods.ts";

/** The text of its file. */
export function recipeText(name: string, method: Method): string {
  const { title, stages } = method;
  return `${imports(stages).join("\n")}

/// ${title}: what a model loses. \`npm run report\` writes this file.
recipe ${name}_row(
${parameters(method)
  .map((line) => `  ${line}`)
  .join("\n")}
) {
  let test = text.test.first(windows)
${isCalibrated(method) ? "  let sample = text.train.sample(samples, length: length, seed: 0)\n" : ""}
${stages.map((stage, i) => `  ${stageText(stage, i, stages.length)}`).join("\n")}

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

function imports(stages: readonly Stage[]): readonly string[] {
  const calls = stages.flatMap((stage) => [stage, ...(stage.candidates ?? [])]);
  const byModule = Map.groupBy(calls, ({ from }) => from);
  const own = [...byModule].map(([from, some]) => {
    const names = some.map(({ call }) => call.split("(")[0]);
    return `import { ${names.join(", ")} } from "std/${from}"`;
  });
  return [
    'import { agreement, kl_error, mean_kl, perplexity, perplexity_error, token_loss } from "std/evaluate"',
    ...own,
    'import { mean_error } from "std/statistics"',
  ];
}

const parameters = (method: Method): readonly string[] => [
  "model: Model,  /// a Hugging Face folder",
  "text: Corpus,  /// calibration and test text",
  ...method.takes.map((setting) => {
    const { type, otherwise, doc } = settings[setting];
    return `${setting}: ${type} = ${otherwise},  /// ${doc}`;
  }),
  "length: Int = 512,  /// tokens in a window",
  "windows: Int = 64,  /// of the test text",
  ...(isCalibrated(method) ? ["samples: Int = 64,  /// windows of the training text"] : []),
];

/** The last is `small`, those before it are steps towards it. */
function stageText(stage: Stage, at: number, count: number): string {
  const { call, layers, isCalibrated: reads, keepsZeros = false, candidates } = stage;
  const nameOf = (i: number): string => (i < 0 ? "model" : i === count - 1 ? "small" : `step_${i + 1}`);
  const among = candidates && ` among { ${candidates.map((each) => each.call).join("; ")} }`;
  const clauses = `${keepsZeros ? " keeping zeros" : ""}${among ?? ""}`;
  return `stage ${nameOf(at)} = ${call} of ${nameOf(at - 1)}${reads ? " over sample" : ""}${layers && ` for ${layers}`}${clauses}`;
}
