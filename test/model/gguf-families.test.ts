/** GGUF files of more families, as llama.cpp's converter writes them: experts in one tensor, q, k and v in another order, two lists of factors. */
import { testConverted } from "./converted.ts";

await testConverted("GGUF files of more families", (family) =>
  /^(gemma2|phi3|olmo2|gpt_neox|.*_moe|mixtral)$/.test(family),
);
