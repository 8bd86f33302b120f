/** Mixtures of experts of the library: small models, whose figures test/peers/mixtures.py has recorded of Transformers. */
import { testFamilies } from "./families.ts";

await testFamilies("mixtures of experts", "mixtures.json", {
  refused: Object.fromEntries(
    ["mixtral", "qwen2_moe", "qwen3_moe"].flatMap((family) => [
      [`${family}: another model_type`, new RegExp(`a .model_type. other than ${family} is not supported`)],
      [`${family}: is_causal false`, /sees later tokens \(`is_causal` in config.json\), which no architecture/],
    ]),
  ),
  readAs: {},
  noted: {},
  tolerance: 1e-5,
});
