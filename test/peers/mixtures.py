"""mixtures.py: what transformers makes of small mixtures of experts, written to mixtures.json beside this file.

Rows are as those of architectures.py: a family's config.json with fields changed or dropped, and tensors by a formula of their names.
Beside them stand the masks of Wanda, of our own, on each family: of the tokens that reach each expert.
`--check` compares with what is recorded instead of writing.
"""
import base64, json, tempfile
from pathlib import Path

import numpy as np
import torch, transformers
from safetensors.torch import save_file

from architectures import FULL, SIZES, SLIDING, recorded_of, row, saved, values

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
    ("is_causal false", {"is_causal": False}),
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

# Wanda (Sun et al., 2023, arXiv:2306.11695) on mixtures of many experts, some of which no token reaches

MANY = {"num_experts": 12, "num_local_experts": 12, "num_experts_per_tok": 1}
NAMES = {"mixtral": ("block_sparse_moe.experts.{}.w1", "block_sparse_moe.experts.{}.w3", "block_sparse_moe.experts.{}.w2")}
EXPERT = ("mlp.experts.{}.gate_proj", "mlp.experts.{}.up_proj", "mlp.experts.{}.down_proj")


def kept(w, x):
    """The half of each row whose magnitude times the norm of what it meets is greatest; of equals the later stay."""
    score = w.abs() * x.reshape(-1, x.shape[-1]).pow(2).sum(0).sqrt()
    places = torch.sort(score, dim=1, stable=True).indices[:, w.shape[1] // 2:]
    return torch.zeros_like(w, dtype=torch.bool).scatter(1, places, True)


def pieces(layer, seen, names):
    """Each matrix of a block by its name in files, with what reaches it, and the experts that nothing does, which see all."""
    found, unreached = [], []
    for name, module in layer.named_modules():
        if isinstance(module, torch.nn.Linear):
            found.append((name, module.weight, seen[name][0]))
    x, chosen, _ = seen["mlp.experts"]
    experts = layer.mlp.experts
    for expert, (both, down) in enumerate(zip(experts.gate_up_proj, experts.down_proj)):
        those = x[(chosen == expert).any(-1)]
        if len(those) == 0:
            those = x
            unreached.append(expert)
        gate, up = both.chunk(2)
        neuron = experts.act_fn(those @ gate.T) * (those @ up.T)
        found += [(name.format(expert), w, met) for name, w, met in zip(names, (gate, up, down), (those, those, neuron))]
    return found, unreached


@torch.no_grad()
def wanda(family, families, ids):
    """Masks of all linear layers of the blocks but the router, block by block behind blocks that are pruned, as bits of bytes."""
    config = {**families[family]["config"], **MANY}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "config.json").write_text(json.dumps(config))
        shapes = saved(transformers.AutoConfig.from_pretrained(root), root)[1]
        save_file({name: values(name, shape) for name, shape in shapes.items()}, root / "model.safetensors", {"format": "pt"})
        (root / "config.json").write_text(json.dumps(config))
        model = transformers.AutoModelForCausalLM.from_pretrained(root, dtype=torch.float32, attn_implementation="eager").eval()
    masks, unreached = {}, []
    for number, layer in enumerate(model.model.layers):
        seen = {}
        hooks = [module.register_forward_pre_hook(lambda _, given, name=name: seen.update({name: given}))
                 for name, module in layer.named_modules() if isinstance(module, torch.nn.Linear) or name == "mlp.experts"]
        model(ids.reshape(1, -1))
        for hook in hooks:
            hook.remove()
        found, none = pieces(layer, seen, NAMES.get(family, EXPERT))
        unreached += [[number, expert] for expert in none]
        for name, w, met in found:
            mask = kept(w, met)
            w.mul_(mask)
            masks[f"model.layers.{number}.{name}.weight"] = base64.b64encode(np.packbits(mask.numpy())).decode()
    losses = [float(model(window[None], labels=window[None]).loss) for window in ids]
    changed = {name: shapes.get(name) for name in sorted({*shapes, *families[family]["tensors"]})
               if shapes.get(name) != families[family]["tensors"].get(name)}
    return {"family": family, "config": MANY, "tensors": changed, "unreached": unreached,
            "nll": round(sum(losses) / len(losses), 7), "masks": masks}


if __name__ == "__main__":
    recorded_of(RECORD, FAMILIES, ROWS, lambda families, ids: {"wanda": [wanda(family, families, ids) for family in FAMILIES]})
