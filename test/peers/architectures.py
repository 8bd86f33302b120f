"""architectures.py: what transformers makes of small models of several families, written to architectures.json beside this file.

A family is a config of transformers' own, with weights that a formula makes of each tensor's name (`values` below, `weights.ts` in
../given). A row changes or drops fields of its config.json; its tensors are those that transformers then has, unless the row adds or
drops some. Recorded are the mean NLL of two windows (float32, eager attention), or that transformers raises, or that it fills in
random weights. `--check` compares with what is recorded instead of writing.
"""
import json, tempfile
from pathlib import Path

import numpy as np
import torch, transformers
from safetensors import safe_open
from safetensors.torch import save_file

from config import figure, record, silence

RECORD = Path(__file__).resolve().with_suffix(".json")
LENGTH, WINDOWS, VOCAB = 48, 2, 96


def mixed(x):
    """A permutation of 32-bit words that leaves no pattern. Wellons, 2018: the hash `lowbias32`."""
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def bare(name):
    return name.removeprefix("model.").removeprefix("transformer.").removeprefix("gpt_neox.")


def values(name, shape):
    """Spread evenly from -1/4 to 1/4, or for norms from 3/4 to 5/4, by the tensor's name alone; its first part may be missing."""
    seed = 2166136261
    for byte in bare(name).encode():
        seed = (seed ^ byte) * 16777619 % 2**32  # FNV-1a
    words = mixed(np.uint32(seed) + np.arange(np.prod(shape, dtype=np.int64), dtype=np.uint32) * np.uint32(0x9E3779B9))
    spread = (words >> 8).astype(np.float64) / 2**25 - 0.25
    around = 1 if len(shape) == 1 and name.endswith("weight") else 0
    return torch.from_numpy((around + spread).astype(np.float32).reshape(shape))


SIZES = {"vocab_size": VOCAB, "hidden_size": 32, "intermediate_size": 80, "num_hidden_layers": 3, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 128, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
FAMILIES = {
    "qwen2": transformers.Qwen2Config(**SIZES),
    "qwen3": transformers.Qwen3Config(**SIZES, head_dim=16),
    "gemma3": transformers.Gemma3TextConfig(**{**SIZES, "num_hidden_layers": 4}, head_dim=16, query_pre_attn_scalar=24, sliding_window=16),
    "gpt2": transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=64, n_embd=32, n_layer=3, n_head=4, bos_token_id=None, eos_token_id=None),
    "gemma2": transformers.Gemma2Config(**{**SIZES, "num_hidden_layers": 4}, head_dim=16, query_pre_attn_scalar=24, sliding_window=16),
    "phi3": transformers.Phi3Config(**SIZES),
    "olmo2": transformers.Olmo2Config(**SIZES),
    "gpt_neox": transformers.GPTNeoXConfig(**{key: value for key, value in SIZES.items() if key != "num_key_value_heads"}),
}
SLIDING, FULL = "sliding_attention", "full_attention"
LINEAR = {"rope_type": "linear", "factor": 2.0}
LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
DYNAMIC = {"rope_type": "dynamic", "factor": 2.0}


def longrope(count, **more):
    """With a factor of its own for each of `count` frequencies, in short texts and in long ones."""
    return {"rope_type": "longrope", "short_factor": [1 + 0.25 * i for i in range(count)],
            "long_factor": [1.5 + 0.75 * i for i in range(count)], **more}


def row(family, name, config=None, drop=(), tensors=None, bare=False):
    """`tensors`: shapes of tensors to add, or None for those to leave out; `bare`: names are stored without their first part."""
    return {"name": f"{family}: {name}", "family": family, "config": config or {}, "drop": list(drop), "tensors": tensors or {}, "bare": bare}


def qwen(family):
    """What the two have in common."""
    window = {"use_sliding_window": True, "sliding_window": 16}
    return [row(family, *rest) for rest in (
        ("as it is",),
        ("no architectures", {}, ["architectures"]),
        ("no model_type", {}, ["model_type"]),
        ("an unknown model_type", {"model_type": "other"}),
        ("another model_type", {"model_type": "llama"}),
        ("architectures of Llama", {"architectures": ["LlamaForCausalLM"]}),
        ("the inner model", {"architectures": [f"Q{family[1:]}Model"]}),
        ("tied", {"tie_word_embeddings": True}),
        ("tied, a head is stored", {"tie_word_embeddings": True}, (), {"lm_head.weight": [VOCAB, 32]}),
        ("tie_word_embeddings missing", {}, ["tie_word_embeddings"]),
        ("tie_word_embeddings missing, no head is stored", {}, ["tie_word_embeddings"], {"lm_head.weight": None}),
        ("names without a prefix", {}, (), {}, True),
        ("num_key_value_heads null", {"num_key_value_heads": None}),
        ("num_key_value_heads 4", {"num_key_value_heads": 4}),
        ("num_key_value_heads missing", {}, ["num_key_value_heads"]),
        ("num_attention_heads 3", {"num_attention_heads": 3}),
        ("head_dim 8", {"head_dim": 8}),
        ("head_dim 12", {"head_dim": 12}),
        ("head_dim null", {"head_dim": None}),
        ("head_dim missing", {}, ["head_dim"]),
        ("max_position_embeddings missing", {}, ["max_position_embeddings"]),
        ("max_position_embeddings below the window", {"max_position_embeddings": 32}),
        ("rms_norm_eps missing", {}, ["rms_norm_eps"]),
        ("rms_norm_eps 0.1", {"rms_norm_eps": 0.1}),
        ("rms_norm_eps null", {"rms_norm_eps": None}),
        ("hidden_act missing", {}, ["hidden_act"]),
        ("hidden_act gelu_new", {"hidden_act": "gelu_new"}),
        ("hidden_act null", {"hidden_act": None}),
        ("attention_bias true", {"attention_bias": True}),
        ("attention_bias false", {"attention_bias": False}),
        ("attention_bias missing", {}, ["attention_bias"]),
        ("attention_bias null", {"attention_bias": None}),
        ("mlp_bias true", {"mlp_bias": True}),
        ("a bias of o left over", {}, (), {"model.layers.1.self_attn.o_proj.bias": [32]}),
        ("no bias of k", {}, (), {"model.layers.1.self_attn.k_proj.bias": None}),
        ("use_sliding_window false", {"sliding_window": 16}),
        ("use_sliding_window missing", {"sliding_window": 16}, ["use_sliding_window"]),
        ("use_sliding_window null", {"use_sliding_window": None}),
        ("a window in all layers", {**window, "max_window_layers": 0}, ["layer_types"]),
        ("a window from a layer on", {**window, "max_window_layers": 1}, ["layer_types"]),
        ("a window beyond the last layer", {**window, "max_window_layers": 3}, ["layer_types"]),
        ("a window and no max_window_layers", window, ["layer_types", "max_window_layers"]),
        ("a window and max_window_layers null", {**window, "max_window_layers": None}, ["layer_types"]),
        ("a window of null", {**window, "sliding_window": None, "max_window_layers": 0}, ["layer_types"]),
        ("a window of 0", {**window, "sliding_window": 0, "max_window_layers": 0}, ["layer_types"]),
        ("no window but in use", {"use_sliding_window": True, "max_window_layers": 0}, ["layer_types", "sliding_window"]),
        ("layer_types mixed", {**window, "layer_types": [FULL, SLIDING, FULL]}),
        ("layer_types all sliding, against max_window_layers", {**window, "layer_types": [SLIDING] * 3}),
        ("layer_types all full, with a window", {**window, "max_window_layers": 0, "layer_types": [FULL] * 3}),
        ("layer_types sliding, window not in use", {"sliding_window": 16, "layer_types": [SLIDING] * 3}),
        ("layer_types sliding, a window of null", {"use_sliding_window": True, "sliding_window": None, "layer_types": [SLIDING] * 3}),
        ("layer_types null", {"layer_types": None}),
        ("layer_types too short", {"layer_types": [FULL] * 2}),
        ("layer_types too long", {"layer_types": [FULL] * 4}),
        ("layer_types of another kind", {"layer_types": [FULL, "linear_attention", FULL]}),
        ("rope_theta nested", {"rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}}),
        ("rope_theta outside", {"rope_theta": 500000.0}, ["rope_parameters"]),
        ("no rope_theta", {}, ["rope_parameters"]),
        ("rope_parameters null", {"rope_parameters": None}),
        ("rope_scaling yarn", {"rope_scaling": YARN, "rope_theta": 1000000.0}, ["rope_parameters"]),
        ("rope_scaling llama3", {"rope_scaling": LLAMA3, "rope_theta": 1000000.0}, ["rope_parameters"]),
        ("rope_scaling linear beside rope_parameters", {"rope_scaling": LINEAR}),
        ("dynamic, beyond the context",
         {"rope_scaling": {"type": "dynamic", "factor": 2.0}, "max_position_embeddings": 24}, ["rope_parameters"]),
        ("rope by kind of layer", {"rope_parameters": {FULL: {"rope_type": "default", "rope_theta": 500000.0}}}),
        ("partial_rotary_factor", {"partial_rotary_factor": 0.5}),
        ("partial_rotary_factor with linear", {"rope_parameters": {**LINEAR, "rope_theta": 500.0, "partial_rotary_factor": 0.5}}),
        ("longrope", {"rope_scaling": longrope(4 if family == "qwen2" else 8, factor=4.0, original_max_position_embeddings=32)}, ["rope_parameters"]),
        ("proportional", {"rope_scaling": {"rope_type": "proportional", "partial_rotary_factor": 0.5, "rope_theta": 500.0}}, ["rope_parameters"]),
        ("is_causal false", {"is_causal": False}),
    )]


GEMMA3 = [row("gemma3", *rest) for rest in (
    ("as it is",),
    ("no architectures", {}, ["architectures"]),
    ("untied", {"tie_word_embeddings": False}),
    ("tie_word_embeddings missing", {}, ["tie_word_embeddings"]),
    ("tie_word_embeddings missing, a head is stored", {}, ["tie_word_embeddings"], {"lm_head.weight": [VOCAB, 32]}),
    ("names without a prefix", {}, (), {}, True),
    ("layer_types mixed", {"layer_types": [FULL, SLIDING, SLIDING, FULL]}),
    ("layer_types all full", {"layer_types": [FULL] * 4}),
    ("layer_types missing", {}, ["layer_types", "_sliding_window_pattern"]),
    ("layer_types null", {"layer_types": None}),
    ("layer_types too short", {"layer_types": [FULL, SLIDING]}),
    ("sliding_window_pattern 2", {"sliding_window_pattern": 2}, ["layer_types", "_sliding_window_pattern"]),
    ("sliding_window_pattern 1", {"sliding_window_pattern": 1}, ["layer_types", "_sliding_window_pattern"]),
    ("sliding_window_pattern beside layer_types", {"sliding_window_pattern": 2}),
    ("_sliding_window_pattern 2", {"_sliding_window_pattern": 2}, ["layer_types"]),
    ("sliding_window null, all full", {"sliding_window": None, "layer_types": [FULL] * 4}),
    ("sliding_window null", {"sliding_window": None}),
    ("sliding_window missing", {}, ["sliding_window"]),
    ("sliding_window 1", {"sliding_window": 1}),
    ("sliding_window 0", {"sliding_window": 0}),
    ("two rope bases", {"layer_types": [FULL, SLIDING, SLIDING, FULL], "rope_parameters": {
        FULL: {"rope_type": "default", "rope_theta": 50000.0}, SLIDING: {"rope_type": "default", "rope_theta": 500.0}}}),
    ("rope bases outside", {"rope_theta": 50000.0, "rope_local_base_freq": 500.0, "layer_types": [FULL, SLIDING] * 2}, ["rope_parameters"]),
    ("no rope bases", {"layer_types": [FULL, SLIDING] * 2}, ["rope_parameters"]),
    ("rope_parameters null", {"rope_parameters": None}),
    ("rope_parameters of one kind", {"rope_parameters": {FULL: {"rope_type": "default", "rope_theta": 50000.0}}, "rope_local_base_freq": 500.0}),
    ("rope_parameters flat", {"rope_parameters": {"rope_type": "default", "rope_theta": 50000.0}}),
    ("rope_scaling linear", {"rope_scaling": LINEAR, "rope_theta": 50000.0, "rope_local_base_freq": 500.0,
                             "layer_types": [FULL, SLIDING] * 2}, ["rope_parameters"]),
    ("linear, nested", {"layer_types": [FULL, SLIDING] * 2, "rope_parameters": {
        FULL: {**LINEAR, "rope_theta": 50000.0}, SLIDING: {"rope_type": "default", "rope_theta": 500.0}}}),
    ("longrope, nested", {"layer_types": [FULL, SLIDING] * 2, "rope_parameters": {
        FULL: longrope(8, rope_theta=50000.0, original_max_position_embeddings=32), SLIDING: {"rope_type": "default", "rope_theta": 500.0}}}),
    ("rope_scaling by type", {"rope_scaling": {"type": "linear", "factor": 2.0}, "layer_types": [FULL, SLIDING] * 2}, ["rope_parameters"]),
    ("rope_scaling by both", {"rope_scaling": {"type": "default", **LINEAR}, "layer_types": [FULL, SLIDING] * 2}, ["rope_parameters"]),
    ("rope_scaling without a kind", {"rope_scaling": {"factor": 2.0}, "layer_types": [FULL, SLIDING] * 2}, ["rope_parameters"]),
    ("rope_scaling without a kind beside rope_parameters", {"rope_scaling": {"factor": 4.0}, "layer_types": [FULL, SLIDING] * 2, "rope_parameters": {
        FULL: {**LINEAR, "rope_theta": 50000.0}, SLIDING: {"rope_type": "default", "rope_theta": 500.0}}}),
    ("rope_scaling null beside rope_parameters", {"rope_scaling": None, "layer_types": [FULL, SLIDING] * 2, "rope_parameters": {
        FULL: {**LINEAR, "rope_theta": 50000.0}, SLIDING: {"rope_type": "default", "rope_theta": 500.0}}}),
    ("yarn, nested, original context outside", {"layer_types": [FULL, SLIDING] * 2, "original_max_position_embeddings": 64, "rope_parameters": {
        FULL: {**YARN, "rope_theta": 50000.0}, SLIDING: {"rope_type": "default", "rope_theta": 500.0}}}),
    ("query_pre_attn_scalar 16", {"query_pre_attn_scalar": 16}),
    ("query_pre_attn_scalar missing", {}, ["query_pre_attn_scalar"]),
    ("query_pre_attn_scalar null", {"query_pre_attn_scalar": None}),
    ("head_dim 8", {"head_dim": 8}),
    ("head_dim null", {"head_dim": None}),
    ("head_dim missing", {}, ["head_dim"]),
    ("num_key_value_heads null", {"num_key_value_heads": None}),
    ("num_key_value_heads missing", {}, ["num_key_value_heads"]),
    ("num_attention_heads 3", {"num_attention_heads": 3, "num_key_value_heads": 3}),
    ("final_logit_softcapping", {"final_logit_softcapping": 2.0}),
    ("final_logit_softcapping missing", {}, ["final_logit_softcapping"]),
    ("final_logit_softcapping 0", {"final_logit_softcapping": 0.0}),
    ("attn_logit_softcapping", {"attn_logit_softcapping": 1.0}),
    ("attention_bias", {"attention_bias": True}),
    ("attention_bias missing", {}, ["attention_bias"]),
    ("use_bidirectional_attention", {"use_bidirectional_attention": True}),
    ("use_bidirectional_attention null", {"use_bidirectional_attention": None}),
    ("hidden_activation silu", {"hidden_activation": "silu"}),
    ("hidden_activation missing", {}, ["hidden_activation"]),
    ("hidden_act beside it", {"hidden_act": "silu"}),
    ("rms_norm_eps 0.1", {"rms_norm_eps": 0.1}),
    ("rms_norm_eps missing", {}, ["rms_norm_eps"]),
    ("max_position_embeddings missing", {}, ["max_position_embeddings"]),
    ("cache_implementation hybrid", {"cache_implementation": "hybrid"}),
    ("text_config", {"text_config": {"hidden_size": 64}}),
    ("is_causal false", {"is_causal": False}),
)]

ATTENTION = {f"transformer.h.{layer}.attn.{name}": shape for layer in range(3)
             for name, shape in (("bias", [1, 1, 64, 64]), ("masked_bias", []))}
GPT2 = [row("gpt2", *rest) for rest in (
    ("as it is",),
    ("no architectures", {}, ["architectures"]),
    ("the double heads", {"architectures": ["GPT2DoubleHeadsModel"]}),
    ("names without a prefix", {}, (), {}, True),
    ("masks stored", {}, (), ATTENTION),
    ("untied", {"tie_word_embeddings": False}),
    ("tied, a head is stored", {}, (), {"lm_head.weight": [VOCAB, 32]}),
    ("tie_word_embeddings missing", {}, ["tie_word_embeddings"]),
    ("n_inner", {"n_inner": 48}),
    ("n_inner missing", {}, ["n_inner"]),
    ("n_inner 0", {"n_inner": 0}),
    ("intermediate_size beside it", {"intermediate_size": 48}),
    ("sizes by their other names", {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 64},
     ["n_embd", "n_layer", "n_head", "n_positions"]),
    ("n_head by both names, which differ", {"num_attention_heads": 8}),
    ("n_head 3", {"n_head": 3}),
    ("n_head 8", {"n_head": 8}),
    ("n_positions below the window", {"n_positions": 32}),
    ("n_ctx beside it", {"n_ctx": 32}),
    ("activation_function gelu", {"activation_function": "gelu"}),
    ("activation_function missing", {}, ["activation_function"]),
    ("activation_function null", {"activation_function": None}),
    ("layer_norm_epsilon 0.1", {"layer_norm_epsilon": 0.1}),
    ("layer_norm_epsilon missing", {}, ["layer_norm_epsilon"]),
    ("scale_attn_weights false", {"scale_attn_weights": False}),
    ("scale_attn_weights missing", {}, ["scale_attn_weights"]),
    ("scale_attn_by_inverse_layer_idx", {"scale_attn_by_inverse_layer_idx": True}),
    ("both scales", {"scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False}),
    ("reorder_and_upcast_attn", {"reorder_and_upcast_attn": True}),
    ("add_cross_attention", {"add_cross_attention": True}),
    ("a bias missing", {}, (), {"transformer.h.1.mlp.c_fc.bias": None}),
    ("a bias of the head left over", {}, (), {"lm_head.bias": [VOCAB]}),
    ("is_causal false", {"is_causal": False}),
)]

GEMMA2 = [row("gemma2", *rest) for rest in (
    ("as it is",),
    ("no architectures", {}, ["architectures"]),
    ("another model_type", {"model_type": "gemma3_text"}),
    ("untied", {"tie_word_embeddings": False}),
    ("tie_word_embeddings missing", {}, ["tie_word_embeddings"]),
    ("names without a prefix", {}, (), {}, True),
    ("layer_types mixed", {"layer_types": [FULL, SLIDING, SLIDING, FULL]}),
    ("layer_types all full", {"layer_types": [FULL] * 4}),
    ("layer_types missing", {}, ["layer_types"]),
    ("layer_types null", {"layer_types": None}),
    ("sliding_window null", {"sliding_window": None}),
    ("sliding_window null, all full", {"sliding_window": None, "layer_types": [FULL] * 4}),
    ("sliding_window missing", {}, ["sliding_window"]),
    ("sliding_window 1", {"sliding_window": 1}),
    ("rope_theta nested", {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}),
    ("rope_theta outside", {"rope_theta": 500.0}, ["rope_parameters"]),
    ("linear", {"rope_parameters": {**LINEAR, "rope_theta": 500.0}}),
    ("longrope", {"rope_parameters": longrope(8, factor=4.0, original_max_position_embeddings=32, rope_theta=500.0)}),
    ("query_pre_attn_scalar 16", {"query_pre_attn_scalar": 16}),
    ("query_pre_attn_scalar missing", {}, ["query_pre_attn_scalar"]),
    ("head_dim 8", {"head_dim": 8}),
    ("head_dim missing", {}, ["head_dim"]),
    ("num_key_value_heads missing", {}, ["num_key_value_heads"]),
    ("num_key_value_heads null", {"num_key_value_heads": None}),
    ("num_attention_heads 3", {"num_attention_heads": 3, "num_key_value_heads": 3}),
    ("final_logit_softcapping 2", {"final_logit_softcapping": 2.0}),
    ("final_logit_softcapping missing", {}, ["final_logit_softcapping"]),
    ("final_logit_softcapping null", {"final_logit_softcapping": None}),
    ("final_logit_softcapping 0", {"final_logit_softcapping": 0.0}),
    ("attn_logit_softcapping 1", {"attn_logit_softcapping": 1.0}),
    ("attn_logit_softcapping missing", {}, ["attn_logit_softcapping"]),
    ("attn_logit_softcapping null", {"attn_logit_softcapping": None}),
    ("attn_logit_softcapping 0", {"attn_logit_softcapping": 0.0}),
    ("attention_bias", {"attention_bias": True}),
    ("use_bidirectional_attention", {"use_bidirectional_attention": True}),
    ("hidden_activation silu", {"hidden_activation": "silu"}),
    ("hidden_activation missing", {}, ["hidden_activation"]),
    ("hidden_act beside it", {"hidden_act": "silu"}),
    ("rms_norm_eps 0.1", {"rms_norm_eps": 0.1}),
    ("max_position_embeddings missing", {}, ["max_position_embeddings"]),
    ("partial_rotary_factor", {"partial_rotary_factor": 0.5}),
    ("is_causal false", {"is_causal": False}),
)]

LONG = {"original_max_position_embeddings": 32}  # shorter than a window
PHI3 = [row("phi3", *rest) for rest in (
    ("as it is",),
    ("no architectures", {}, ["architectures"]),
    ("another model_type", {"model_type": "phi"}),
    ("tied", {"tie_word_embeddings": True}),
    ("names without a prefix", {}, (), {}, True),
    ("num_key_value_heads null", {"num_key_value_heads": None}),
    ("num_key_value_heads missing", {}, ["num_key_value_heads"]),
    ("num_key_value_heads 4", {"num_key_value_heads": 4}),
    ("head_dim 12", {"head_dim": 12}),
    ("head_dim null", {"head_dim": None}),
    ("sliding_window 16", {"sliding_window": 16}),
    ("sliding_window 0", {"sliding_window": 0}),
    ("sliding_window missing", {}, ["sliding_window"]),
    ("rms_norm_eps 0.1", {"rms_norm_eps": 0.1}),
    ("rms_norm_eps missing", {}, ["rms_norm_eps"]),
    ("hidden_act gelu", {"hidden_act": "gelu"}),
    ("attention_bias left over", {"attention_bias": True}),
    ("max_position_embeddings missing", {}, ["max_position_embeddings"]),
    ("rope_theta outside", {"rope_theta": 500.0}, ["rope_parameters"]),
    ("rope_theta nested", {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}),
    ("partial_rotary_factor", {"partial_rotary_factor": 0.5}),
    ("partial_rotary_factor nested", {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.75}}),
    ("partial_rotary_factor outside", {"partial_rotary_factor": 0.5}, ["rope_parameters"]),
    ("partial_rotary_factor, heads of 12", {"partial_rotary_factor": 0.5, "head_dim": 12}, ["rope_parameters"]),
    ("partial_rotary_factor, an odd part", {"partial_rotary_factor": 0.4, "head_dim": 8}, ["rope_parameters"]),
    ("partial_rotary_factor of no whole part", {"partial_rotary_factor": 0.55, "head_dim": 8}, ["rope_parameters"]),
    ("longrope, short texts", {"rope_scaling": longrope(4)}, ["rope_parameters"]),
    ("longrope, long texts", {"rope_scaling": longrope(4), **LONG}, ["rope_parameters"]),
    ("longrope, nested", {"rope_parameters": longrope(4, rope_theta=500.0), **LONG}),
    ("longrope, as su", {"rope_scaling": {**longrope(4), "rope_type": "su"}, **LONG}, ["rope_parameters"]),
    ("longrope, as yarn", {"rope_scaling": {**longrope(4), "rope_type": "yarn"}, **LONG}, ["rope_parameters"]),
    ("longrope by type", {"rope_scaling": {"type": "longrope", **{k: v for k, v in longrope(4).items() if k != "rope_type"}}, **LONG}, ["rope_parameters"]),
    ("longrope, original context nested", {"rope_scaling": longrope(4, original_max_position_embeddings=32)},
     ["rope_parameters", "original_max_position_embeddings"]),
    ("longrope, original context nested and outside", {"rope_scaling": longrope(4, original_max_position_embeddings=128), **LONG}, ["rope_parameters"]),
    ("longrope, factor", {"rope_scaling": longrope(4, factor=8.0), **LONG}, ["rope_parameters"]),
    ("longrope, factor below 1", {"rope_scaling": longrope(4, factor=0.5), **LONG}, ["rope_parameters"]),
    ("longrope, attention_factor", {"rope_scaling": longrope(4, attention_factor=1.5), **LONG}, ["rope_parameters"]),
    ("longrope of a part", {"rope_scaling": longrope(2), **LONG, "partial_rotary_factor": 0.5}, ["rope_parameters"]),
    ("longrope without long_factor", {"rope_scaling": {**longrope(4), "long_factor": None}, **LONG}, ["rope_parameters"]),
    ("longrope, too few factors", {"rope_scaling": longrope(3), **LONG}, ["rope_parameters"]),
    ("longrope, too many factors", {"rope_scaling": longrope(5), **LONG}, ["rope_parameters"]),
    ("linear", {"rope_scaling": LINEAR}, ["rope_parameters"]),
    ("biases left over", {}, (), {"model.layers.1.self_attn.qkv_proj.bias": [64]}),
    ("is_causal false", {"is_causal": False}),
)]

OLMO2 = [row("olmo2", *rest) for rest in (
    ("as it is",),
    ("no architectures", {}, ["architectures"]),
    ("another model_type", {"model_type": "olmo"}),
    ("tied", {"tie_word_embeddings": True}),
    ("names without a prefix", {}, (), {}, True),
    ("a name without a prefix", {}, (), {"model.layers.1.mlp.up_proj.weight": None, "layers.1.mlp.up_proj.weight": [80, 32]}),
    ("num_key_value_heads null", {"num_key_value_heads": None}),
    ("num_key_value_heads 4", {"num_key_value_heads": 4}),
    ("head_dim 12", {"head_dim": 12}),
    ("attention_bias", {"attention_bias": True}),
    ("attention_bias null", {"attention_bias": None}),
    ("mlp_bias true", {"mlp_bias": True}),
    ("rms_norm_eps 0.1", {"rms_norm_eps": 0.1}),
    ("rms_norm_eps missing", {}, ["rms_norm_eps"]),
    ("hidden_act gelu", {"hidden_act": "gelu"}),
    ("sliding_window left over", {"sliding_window": 16}),
    ("max_position_embeddings missing", {}, ["max_position_embeddings"]),
    ("rope_theta outside", {"rope_theta": 500.0}, ["rope_parameters"]),
    ("rope_theta nested", {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}),
    ("yarn", {"rope_scaling": YARN}, ["rope_parameters"]),
    ("dynamic, beyond the context", {"rope_scaling": DYNAMIC, "max_position_embeddings": 24}, ["rope_parameters"]),
    ("longrope", {"rope_scaling": longrope(4, **LONG)}, ["rope_parameters"]),
    ("proportional", {"rope_scaling": {"rope_type": "proportional", "partial_rotary_factor": 0.5, "rope_theta": 500.0}}, ["rope_parameters"]),
    ("proportional, factor", {"rope_scaling": {"rope_type": "proportional", "factor": 2.0, "rope_theta": 500.0}}, ["rope_parameters"]),
    ("partial_rotary_factor", {"partial_rotary_factor": 0.5}),
    ("is_causal false", {"is_causal": False}),
)]

NEOX_ATTENTION = {f"gpt_neox.layers.{layer}.attention.{name}": shape for layer in range(3)
                  for name, shape in (("bias", [1, 1, 128, 128]), ("masked_bias", []), ("rotary_emb.inv_freq", [1]))}
GPT_NEOX = [row("gpt_neox", *rest) for rest in (
    ("as it is",),
    ("no architectures", {}, ["architectures"]),
    ("the inner model", {"architectures": ["GPTNeoXModel"]}),
    ("another model_type", {"model_type": "gptj"}),
    ("tied", {"tie_word_embeddings": True}),
    ("names without a prefix", {}, (), {}, True),
    ("masks stored", {}, (), NEOX_ATTENTION),
    ("no parallel residual", {"use_parallel_residual": False}),
    ("use_parallel_residual missing", {}, ["use_parallel_residual"]),
    ("attention_bias false", {"attention_bias": False}),
    ("attention_bias missing", {}, ["attention_bias"]),
    ("num_attention_heads 3", {"num_attention_heads": 3}),
    ("num_attention_heads 2", {"num_attention_heads": 2}),
    ("head_dim as the heads have it", {"head_dim": 8}),
    ("head_dim null", {"head_dim": None}),
    ("head_dim of another size", {"head_dim": 16}),
    ("intermediate_size 48", {"intermediate_size": 48}),
    ("hidden_act gelu_fast", {"hidden_act": "gelu_fast"}),
    ("hidden_act missing", {}, ["hidden_act"]),
    ("layer_norm_eps 0.1", {"layer_norm_eps": 0.1}),
    ("layer_norm_eps missing", {}, ["layer_norm_eps"]),
    ("max_position_embeddings missing", {}, ["max_position_embeddings"]),
    ("rotary_pct and rotary_emb_base", {"rotary_pct": 0.5, "rotary_emb_base": 500.0}, ["rope_parameters"]),
    ("rotary_pct 1", {"rotary_pct": 1.0}, ["rope_parameters"]),
    ("rotary_pct missing", {"rotary_emb_base": 500.0}, ["rope_parameters"]),
    ("rotary_pct beside rope_parameters", {"rotary_pct": 0.75}),
    ("rope_theta outside", {"rope_theta": 500.0}, ["rope_parameters"]),
    ("partial_rotary_factor outside", {"partial_rotary_factor": 0.5}, ["rope_parameters"]),
    ("nested", {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.75}}),
    ("nested without a part", {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}),
    ("linear", {"rope_scaling": LINEAR, "rotary_pct": 0.5}, ["rope_parameters"]),
    ("dynamic, beyond the context", {"rope_scaling": DYNAMIC, "rotary_pct": 0.5, "max_position_embeddings": 24}, ["rope_parameters"]),
    ("yarn", {"rope_scaling": YARN, "rotary_pct": 0.75}, ["rope_parameters"]),
    ("llama3", {"rope_scaling": LLAMA3, "rotary_pct": 0.75}, ["rope_parameters"]),
    ("longrope", {"rope_scaling": longrope(2, **LONG), "rotary_pct": 0.5}, ["rope_parameters"]),
    ("a bias missing", {}, (), {"gpt_neox.layers.1.mlp.dense_h_to_4h.bias": None}),
    ("is_causal false", {"is_causal": False}),
)]

ROWS = [*qwen("qwen2"), *qwen("qwen3"), *GEMMA3, *GPT2, *GEMMA2, *PHI3, *OLMO2, *GPT_NEOX]


def saved(config, root):
    """config.json as transformers writes it, and the shapes of the tensors that it then stores."""
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(root)
    with safe_open(root / "model.safetensors", "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in sorted(file.keys())}
    return json.loads((root / "config.json").read_text()), shapes


def shapes_of(row, config, base, root):
    """The tensors of a row: those that transformers stores for its config, if it takes it, as the row changes them."""
    (root / "config.json").write_text(json.dumps(config))
    try:
        shapes = saved(transformers.AutoConfig.from_pretrained(root), root)[1]
    except Exception:  # a config that transformers refuses: the tensors are those of the family
        shapes = base
    return {name: shape for name, shape in {**shapes, **row["tensors"]}.items() if shape is not None}


def folder(row, families, root):
    """Writes the model of a row; gives the shapes of its tensors."""
    base, base_shapes = families[row["family"]]["config"], families[row["family"]]["tensors"]
    config = {key: value for key, value in {**base, **row["config"]}.items() if key not in row["drop"]}
    shapes = shapes_of(row, config, base_shapes, root)
    (root / "config.json").write_text(json.dumps(config))
    named = bare if row["bare"] else str
    save_file({named(name): values(name, shape) for name, shape in shapes.items()}, root / "model.safetensors", {"format": "pt"})
    return shapes


def result(row, families, ids):
    base_shapes = families[row["family"]]["tensors"]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        shapes = folder(row, families, root)
        changed = {name: shapes.get(name) for name in sorted({*shapes, *base_shapes}) if shapes.get(name) != base_shapes.get(name)}
        return {**row, "tensors": changed, **figure(root, ids)}


def drawn(count):
    return torch.from_numpy(mixed(np.arange(count, dtype=np.uint32)).astype(np.int64) % VOCAB)


def families_of(configs):
    """Each family's config.json and the shapes of its tensors."""
    families = {}
    for name, config in configs.items():
        with tempfile.TemporaryDirectory() as root:
            config, shapes = saved(config, Path(root))
            families[name] = {"config": config, "tensors": shapes}
    return families


def recorded_of(path, configs, rows, more=lambda families, ids: {}):
    """Writes, or compares, what transformers makes of rows of families, which have a config each, and what more there is of them."""
    silence()
    ids = drawn(LENGTH * WINDOWS).reshape(WINDOWS, LENGTH)
    families = families_of(configs)
    head = {"length": LENGTH, "tokens": ids.flatten().tolist(), "families": families}
    head |= more(families, ids)
    record(path, head, [result(row, families, ids) for row in rows])


if __name__ == "__main__":
    recorded_of(RECORD, FAMILIES, ROWS)
