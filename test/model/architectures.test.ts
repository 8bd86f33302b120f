/** Architectures of the library: small models, whose figures test/peers/architectures.py has recorded of Transformers. */
import { testFamilies } from "./families.ts";
import type { Exceptions } from "./transformers.ts";

const families = ["gemma2", "gemma3", "gpt2", "gpt_neox", "olmo2", "phi3"];
const later = /sees later tokens \(`is_causal` in config.json\), which no architecture describes/;

const exceptions: Exceptions = {
  refused: {
    ...Object.fromEntries(families.map((family) => [`${family}: is_causal false`, later])),
    "gemma3: final_logit_softcapping 0": /a soft cap of 0 or below/,
    "gemma3: use_bidirectional_attention": /attention to later tokens/,
    "gemma3: rope_scaling by type": /`rope_scaling` has a `type` and no `rope_type`/,
    "gemma3: rope_scaling without a kind beside rope_parameters": /`rope_scaling` and `rope_parameters`/,
    "gemma3: yarn, nested, original context outside": /`original_max_position_embeddings` beside its rotary positions/,
    "gemma2: another model_type": /a `model_type` other than gemma2/,
    "gemma2: final_logit_softcapping 0": /a soft cap of 0 or below/,
    "gemma2: attn_logit_softcapping 0": /a soft cap of 0 or below/,
    "gemma2: use_bidirectional_attention": /attention to later tokens/,
    "phi3: another model_type": /a `model_type` other than phi3/,
    "phi3: partial_rotary_factor, an odd part": /rotary positions for an odd number of dimensions/,
    "phi3: longrope, too few factors":
      /`rope_scaling.long_factor` in config.json is a list of 3, not a list of 4 numbers/,
    "phi3: longrope, too many factors": /is a list of 5, not a list of 4 numbers, one for each position of `freq`/,
    "phi3: linear": /rotary scaling of a Phi-3 other than longrope/,
    "olmo2: another model_type": /a `model_type` other than olmo2/,
    "gpt_neox: head_dim of another size": /a `head_dim` that is not that of the heads/,
    "gpt2: the double heads": /is a GPT2DoubleHeadsModel, which no architecture describes/,
    "gpt2: add_cross_attention": /attention to another text/,
  },
  readAs: {
    "phi3: longrope, as su": "phi3: longrope, long texts",
  },
  noted: {
    "gemma3: tie_word_embeddings missing, a head is stored": /`lm_head.weight` is stored, though/,
    "phi3: biases left over": /no such biases, and the checkpoint has one: `model.layers.1.self_attn.qkv_proj.bias`/,
    "gpt2: tied, a head is stored": /`lm_head.weight` is stored, though/,
    "gpt2: a bias of the head left over": /no such biases, and the checkpoint has one: `lm_head.bias`/,
  },
  tolerance: 1e-5,
};

await testFamilies("architectures", "architectures.json", exceptions, (family) => !family.startsWith("qwen"));
