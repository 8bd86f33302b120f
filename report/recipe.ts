/** The recipe of a method's rows. */
import { type Method, settings } from "./methods.ts";

/** The text of its file. */
export function recipeText(name: string, { title, from, stage, takes, isCalibrated = false }: Method): string {
  const parameters = takes.map((setting) => {
    const { type, otherwise, doc } = settings[setting];
    return `${setting}: ${type} = ${otherwise},  /// ${doc}`;
  });
  const [called] = stage.split("(");
  return `import { agreement, kl_error, mean_kl, perplexity, perplexity_error, token_loss } from "std/evaluate"
import { ${called} } from "std/${from}"
import { mean_error } from "std/statistics"

/// ${title}: what a model loses. \`npm run report\` writes this file.
recipe ${name}_row(
${[
  "model: Model,  /// a Hugging Face folder",
  "text: Corpus,  /// calibration and test text",
  ...parameters,
  "length: Int = 512,  /// tokens in a window",
  "windows: Int = 64,  /// of the test text",
  ...(isCalibrated ? ["samples: Int = 64,  /// windows of the training text"] : []),
]
  .map((line) => `  ${line}`)
  .join("\n")}
) {
  let test = text.test.first(windows)
${isCalibrated ? "  let sample = text.train.sample(samples, length: length, seed: 0)\n" : ""}
  stage small = ${stage} of model${isCalibrated ? " over sample" : ""} for linear except lm_head

  let lost = merge(token_loss(small, test, length) - token_loss(model, test, length), (sample, step) -> token)

  report perplexity(model, test, length), perplexity(small, test, length)
  report perplexity_error(model, test, length), perplexity_error(small, test, length)
  report mean(lost, over token), mean_error(lost, over token)
  report mean_kl(model, small, test, length), kl_error(model, small, test, length)
  report agreement(model, small, test, length)
  report bytes(model), bytes(small)
}
`;
}
