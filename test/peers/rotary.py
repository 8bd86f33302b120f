"""rotary.py: what transformers makes of every kind of rotary positions in small models of every family that has them, written to rotary.json.

A row is a family with one of transformers' kinds of scaling, for whole heads, a half and a quarter of each; and, for families that read
scalings in their own ways, with each key that a kind reads at another number than the one that is usual. Llama's have each key in all kinds,
those that do not read it, too. Recorded is what architectures.py records. `--check` compares with what is recorded instead of writing.
"""
from pathlib import Path

import transformers
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS, RopeParameters

from architectures import FULL, SIZES, longrope, recorded_of, row

RECORD = Path(__file__).resolve().with_suffix(".json")

SMALL = {**SIZES, "num_hidden_layers": 1}
HEADS = {**SMALL, "head_dim": 16}
WIDE = {**SMALL, "hidden_size": 64}  # heads of 16, which these cannot have otherwise
FAMILIES = {
    "llama": transformers.LlamaConfig(**HEADS),
    "mistral": transformers.MistralConfig(**HEADS, sliding_window=None),
    "mixtral": transformers.MixtralConfig(**HEADS, num_local_experts=2),
    "qwen2": transformers.Qwen2Config(**WIDE),
    "qwen3": transformers.Qwen3Config(**HEADS),
    "gemma2": transformers.Gemma2Config(**HEADS, query_pre_attn_scalar=16, layer_types=[FULL]),
    "gemma3": transformers.Gemma3TextConfig(**HEADS, query_pre_attn_scalar=16, layer_types=[FULL]),
    "phi3": transformers.Phi3Config(**WIDE),
    "olmo2": transformers.Olmo2Config(**WIDE),
    "gpt_neox": transformers.GPTNeoXConfig(**{key: value for key, value in WIDE.items() if key != "num_key_value_heads"}),
}
OF_THEIR_OWN = ("llama", "phi3", "gpt_neox")

THETA = {"rope_theta": 500.0}
STRETCHED = {**THETA, "factor": 4.0, "original_max_position_embeddings": 32}  # shorter than a window
KINDS = {
    "default": lambda count: THETA,
    "linear": lambda count: {**THETA, "factor": 2.0},
    "dynamic": lambda count: {**THETA, "factor": 2.0},
    "yarn": lambda count: STRETCHED,
    "longrope": lambda count: {**longrope(count), **STRETCHED},
    "llama3": lambda count: {**STRETCHED, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    "proportional": lambda count: THETA,
}
assert set(KINDS) == {"default", *ROPE_INIT_FUNCTIONS}, "transformers has other kinds"

# Each at another number than KINDS has, or than is usual, and the kinds that read it.
OTHERS = {
    "rope_theta": (100.0, set(KINDS)),
    "factor": (3.0, set(KINDS) - {"default"}),
    "original_max_position_embeddings": (64, {"yarn", "longrope", "llama3"}),
    "attention_factor": (1.5, {"yarn", "longrope"}),
    "beta_fast": (1.5, {"yarn"}),
    "beta_slow": (0.25, {"yarn"}),
    "mscale": (0.7, {"yarn"}),
    "mscale_all_dim": (1.2, {"yarn"}),
    "truncate": (False, {"yarn"}),
    "low_freq_factor": (2.0, {"llama3"}),
    "high_freq_factor": (3.0, {"llama3"}),
    "short_factor": ([1.125 + 0.25 * i for i in range(8)], {"longrope"}),
    "long_factor": ([2.5 + 0.5 * i for i in range(8)], {"longrope"}),
}
STRUCTURAL = {"rope_type", "partial_rotary_factor"}  # what rows are made of
OF_IMAGES = {"mrope_section"}
UNREAD = set(RopeParameters.__annotations__) - set(OTHERS) - STRUCTURAL - OF_IMAGES


def scaled(family, kind, name, count=8, more=None, outside=None):
    """A family with such a scaling, in which dynamic bases are larger than usual as the context is short."""
    scaling = {"rope_type": kind, **KINDS[kind](count), **(more or {})}
    rope = {FULL: scaling, "sliding_attention": {"rope_type": "default", **THETA}} if family == "gemma3" else scaling
    short = {"max_position_embeddings": 24} if kind == "dynamic" else {}
    # where a Phi-3 has it
    original = {"original_max_position_embeddings": scaling.get("original_max_position_embeddings", 32)} if family == "phi3" else {}
    return row(family, f"{kind}{name}", {"rope_parameters": rope, **short, **original, **(outside or {})})


def rows_of(family):
    for kind in KINDS:
        yield scaled(family, kind, "")
        for share, name in ((0.5, "a half"), (0.25, "a quarter")):
            yield scaled(family, kind, f", {name}", int(8 * share), {"partial_rotary_factor": share})
    for kind in ("default", "linear", "proportional"):
        yield scaled(family, kind, ", a half outside", 4, outside={"partial_rotary_factor": 0.5})
    yield scaled(family, "longrope", ", a short text", more={"original_max_position_embeddings": 64})
    if family in OF_THEIR_OWN:
        whole = {"partial_rotary_factor": 1.0}
        for kind in KINDS if family != "phi3" else ("default", "longrope"):
            for key in (key for key, (_, kinds) in OTHERS.items() if family == "llama" or kind in kinds):
                value, _ = OTHERS[key]
                yield scaled(family, kind, f", {key}", more={**whole, key: value})
        yield scaled(family, "yarn", ", mscale and mscale_all_dim", more={**whole, "mscale": 0.7, "mscale_all_dim": 1.2})


if __name__ == "__main__":
    if UNREAD:
        raise SystemExit(f"transformers reads more of a scaling: {', '.join(sorted(UNREAD))}")
    recorded_of(RECORD, FAMILIES, [each for family in FAMILIES for each in rows_of(family)])
