/** Qwen 2 and 3: small models, whose figures test/peers/architectures.py has recorded of Transformers. */
import { testFamilies } from "./families.ts";
import type { Exceptions } from "./transformers.ts";

const exceptions: Exceptions = {
  refused: ofBoth({
    "is_causal false": /sees later tokens \(`is_causal` in config.json\), which no architecture describes/,
    "partial_rotary_factor with linear": /rotary positions for a part of each head/,
    "another model_type": /a `model_type` other than qwen\d is not supported/,
    "architectures of Llama": /a `model_type` other than llama and mistral is not supported/,
    "layer_types sliding, window not in use": /layers with a window, and no `sliding_window` in use/,
    "layer_types of another kind": /a layer of another kind than full_attention and sliding_attention/,
  }),
  readAs: { "qwen2: no model_type": "qwen2: as it is", "qwen3: no model_type": "qwen3: as it is" },
  noted: ofBoth({
    "no model_type": /has no `model_type`, without which Transformers does not load it/,
    "tied, a head is stored": /`lm_head.weight` is stored, though/,
    "a bias of o left over": /no such biases, and the checkpoint has one: `model.layers.1.self_attn.o_proj.bias`/,
  }),
  tolerance: 1e-5,
};

/** The same for both families. */
function ofBoth(by: { readonly [name: string]: RegExp }): { readonly [name: string]: RegExp } {
  return Object.fromEntries(
    ["qwen2", "qwen3"].flatMap((family) => Object.entries(by).map(([name, said]) => [`${family}: ${name}`, said])),
  );
}

await testFamilies("Qwen", "architectures.json", exceptions, (family) => family.startsWith("qwen"));
