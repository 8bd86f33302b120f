"""mixtures.py: what transformers makes of small mixtures of experts, written to mixtures.json beside this file.

Rows are as those of architectures.py: a family's config.json with fields changed or dropped, and tensors by a formula of their names.
`--check` compares with what is recorded instead of writing.
"""
from pathlib import Path

import transformers

from architectures import FULL, SIZES, SLIDING, VOCAB, recorded_of, row

RECORD = Path(__file__).resolve().with_suffix(".json")

MOE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
FAMILIES = {
    "mixtral": transformers.MixtralConfig(**{**SIZES, "intermediate_size": 24}, num_local_experts=4),
    "qwen2_moe": transformers.Qwen2MoeConfig(**SIZES, **MOE, shared_expert_intermediate_size=40),
    "qwen3_moe": transformers.Qwen3MoeConfig(**SIZES, **MOE, head_dim=16),
}


def fused(block, names, router=None):
    """As `save_original_format=False` keeps them: the router, too, has another name in Mixtral."""
    tensors = {name: None for layer in range(3) for expert in range(4) for name in (
        f"model.layers.{layer}.{block}.experts.{expert}.{one}.weight" for one in names)}
    for layer in range(3):
        place = f"model.layers.{layer}.mlp"
        tensors |= {f"{place}.experts.gate_up_proj": [4, 48, 32], f"{place}.experts.down_proj": [4, 32, 24]}
        if router:
            tensors |= {f"model.layers.{layer}.{router}": None, f"{place}.gate.weight": [4, 32]}
    return tensors


COMMON = (
    ("as it is",),
    ("no architectures", {}, ["architectures"]),
    ("another model_type", {"model_type": "llama"}),
    ("names without a prefix", {}, (), {}, True),
    ("num_experts_per_tok 1", {"num_experts_per_tok": 1}),
    ("num_experts_per_tok 4", {"num_experts_per_tok": 4}),
    ("num_experts_per_tok 5", {"num_experts_per_tok": 5}),
    ("num_experts_per_tok missing", {}, ["num_experts_per_tok"]),
    ("router_aux_loss_coef 1, and its logits", {"router_aux_loss_coef": 1.0, "output_router_logits": True}),
    ("hidden_act gelu", {"hidden_act": "gelu"}),
    ("head_dim 8", {"head_dim": 8}),
    ("head_dim null", {"head_dim": None}),
    ("head_dim missing", {}, ["head_dim"]),
    ("num_key_value_heads null", {"num_key_value_heads": None}),
    ("rms_norm_eps missing", {}, ["rms_norm_eps"]),
    ("tied", {"tie_word_embeddings": True}),
    ("attention_bias true", {"attention_bias": True}),
    ("rope_theta outside", {"rope_theta": 500000.0}, ["rope_parameters"]),
    ("no rope_theta", {}, ["rope_parameters"]),
    ("a window", {"sliding_window": 16, "use_sliding_window": True}),
    ("a window, not in use", {"sliding_window": 16, "use_sliding_window": False}),
    ("a window of 0", {"sliding_window": 0, "use_sliding_window": True}),
)
MIXTRAL = (
    ("experts in one tensor", {}, (), fused("block_sparse_moe", ("w1", "w2", "w3"), "block_sparse_moe.gate.weight")),
    ("num_local_experts missing", {}, ["num_local_experts"]),
    ("num_experts", {"num_experts": 4}, ["num_local_experts"]),
    ("router_jitter_noise", {"router_jitter_noise": 0.5}),
    ("sliding_window missing", {}, ["sliding_window"]),
)
QWEN = (
    ("experts in one tensor", {}, (), fused("mlp", ("gate_proj", "up_proj", "down_proj"))),
    ("norm_topk_prob true", {"norm_topk_prob": True}),
    ("norm_topk_prob missing", {}, ["norm_topk_prob"]),
    ("decoder_sparse_step 2", {"decoder_sparse_step": 2}),
    ("decoder_sparse_step missing", {}, ["decoder_sparse_step"]),
    ("mlp_only_layers", {"mlp_only_layers": [0, 2]}),
    ("mlp_only_layers null", {"mlp_only_layers": None}),
    ("num_experts by its other name", {"num_experts": 4, "num_local_experts": 4}),
)
QWEN2 = (
    ("qkv_bias false", {"qkv_bias": False}),
    ("layer_types missing, a window", {"sliding_window": 16, "use_sliding_window": True}, ["layer_types"]),
    ("max_window_layers 1", {"sliding_window": 16, "use_sliding_window": True, "max_window_layers": 1}, ["layer_types"]),
    ("layer_types mixed", {"sliding_window": 16, "use_sliding_window": True, "layer_types": [FULL, SLIDING, FULL]}),
)
QWEN3 = (
    ("num_experts alone", {"num_experts": 4}, ["num_local_experts"]),
)

ROWS = [row(family, *rest) for family, rows in (
    ("mixtral", COMMON + MIXTRAL), ("qwen2_moe", COMMON + QWEN + QWEN2), ("qwen3_moe", COMMON + QWEN + QWEN3)) for rest in rows]

if __name__ == "__main__":
    recorded_of(RECORD, FAMILIES, ROWS)
