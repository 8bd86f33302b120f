"""folders.py: what lcomp leaves of models that it cuts in depth, in width, and in both before it prunes, or rotates, as others read it.

lcomp runs a recipe and saves a folder. The shape of every tensor must follow from the written config.json alone, as transformers makes
a model of it without weights; transformers must load the folder with nothing missing, left over or of another shape; and the mean NLL
of the same windows must be what lcomp reports, to 2e-5: by transformers, and for Llama by NumPy (`structured.py`). Each kind of rotary
scaling is left in a folder of one family. Nothing is recorded.
    folders.py [--check] [--models DIR]
A model whose folder is not there is left out, and that is said.
"""
import argparse, json, shutil, subprocess, sys, tempfile
from pathlib import Path

import numpy as np
import torch, transformers
from safetensors import safe_open

from architectures import longrope
from config import silence
from structured import ROOT, load, mean_nll, text_ids

LENGTH, DOCUMENTS, TOLERANCE = 64, 24, 2e-5
CUTS = {
    "depth": ["shortgpt(drop: 1)"],
    "run": ["angular(drop: 2)"],
    "mlp": ["minitron_width(mlp: 50%, multiple: 4)"],
    "kv": ["minitron_width(kv: 50%)"],
    "model": ["minitron_width(model: 50%, multiple: 4)"],
    "width": ["minitron_width(mlp: 50%, kv: 50%, model: 50%, multiple: 4)"],
    "rotated": ["quarot()"],
    "sliced": ["slicegpt(75%)"],
    "chain": ["shortgpt(drop: 25%)", "minitron_width(mlp: 75%, model: 75%, multiple: 16)", "wanda(2:4)"],
}

EXPERTS = {
    "experts": ["wanda(2:4) for linear except router, lm_head"],
    "experts of fewer blocks": ["shortgpt(drop: 1)", "wanda(2:4) for linear except router, lm_head"],
}

# What an architecture refuses (docs/architectures.md), by the model's type
TURNED = {"rotated", "sliced"}
REFUSED = {"gemma3_text": TURNED, "gemma2": TURNED | {"depth", "run", "chain"}, "olmo2": TURNED,
           "gpt_neox": TURNED | {"kv", "model", "width", "chain"}}


def make_gemma(folder):
    """A small Gemma 3 of random numbers with the example's tokenizer: its config.json has whole numbers that must be floats, and one that must be none."""
    folder.mkdir(parents=True)
    config = transformers.Gemma3TextConfig(
        vocab_size=1024, hidden_size=64, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
        sliding_window=16, layer_types=["full_attention"] * 4, max_position_embeddings=256, query_pre_attn_scalar=16,
        final_logit_softcapping=30.0, rms_norm_eps=1.0, initializer_range=0.3, bos_token_id=0, eos_token_id=0, pad_token_id=None)
    return save_made(config, folder)


SIZES = {"vocab_size": 1024, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": 256, "initializer_range": 0.1, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}


def make(folder, config, **how):
    """A small model of random numbers."""
    folder.mkdir(parents=True)
    return save_made(config(SIZES), folder, **how)


DENSE = {
    "qwen2": lambda sizes: transformers.Qwen2Config(**sizes, intermediate_size=96),
    "qwen3": lambda sizes: transformers.Qwen3Config(**sizes, intermediate_size=96, head_dim=16),
    "gemma2": lambda sizes: transformers.Gemma2Config(**sizes, intermediate_size=96, head_dim=16, query_pre_attn_scalar=24, sliding_window=16),
    "phi3": lambda sizes: transformers.Phi3Config(**sizes, intermediate_size=96),
    "olmo2": lambda sizes: transformers.Olmo2Config(**sizes, intermediate_size=96),
    "gpt_neox": lambda sizes: transformers.GPTNeoXConfig(
        **{key: value for key, value in sizes.items() if key != "num_key_value_heads"}, intermediate_size=96),
}


THETA = {"rope_theta": 500.0}
STRETCHED = {**THETA, "factor": 4.0, "original_max_position_embeddings": 32}  # shorter than a window
# A family for each kind of rotary scaling, which must be in the folder as it was.
ROTARY = {
    "llama, linear": ("LlamaConfig", {**THETA, "rope_type": "linear", "factor": 2.0}),
    "qwen2, dynamic": ("Qwen2Config", {**THETA, "rope_type": "dynamic", "factor": 2.0}, {"max_position_embeddings": 24}),
    "olmo2, yarn": ("Olmo2Config", {**STRETCHED, "rope_type": "yarn"}),
    "mistral, longrope": ("MistralConfig", {**STRETCHED, **longrope(8), "rope_type": "longrope"}, {"sliding_window": None}),
    "phi3, longrope of a part": ("Phi3Config", {**THETA, **longrope(6), "rope_type": "longrope", "partial_rotary_factor": 0.75}, {"original_max_position_embeddings": 32}),
    "qwen3, llama3": ("Qwen3Config", {**STRETCHED, "rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0}, {"head_dim": 16}),
    "gemma2, proportional": ("Gemma2Config", {**THETA, "rope_type": "proportional", "partial_rotary_factor": 0.5},
                             {"head_dim": 16, "query_pre_attn_scalar": 24, "layer_types": ["full_attention"] * 4}),
    "gpt_neox, linear, of a part": ("GPTNeoXConfig", {**THETA, "rope_type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5}),
}
NARROWER = {"narrower": ["minitron_width(mlp: 50%, multiple: 4)", "wanda(2:4)"]}


def stretched(name, scaling, more=None):
    """A model of a family with a rotary scaling."""
    def config(sizes):
        own = {key: value for key, value in sizes.items() if name != "GPTNeoXConfig" or key != "num_key_value_heads"}
        return getattr(transformers, name)(**{**own, "intermediate_size": 96, "rope_parameters": scaling, **(more or {})})
    return config


MIXTURES = {
    "mixtral": lambda sizes: transformers.MixtralConfig(**sizes, intermediate_size=96, num_local_experts=4),
    "qwen2_moe": lambda sizes: transformers.Qwen2MoeConfig(
        **sizes, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=48, shared_expert_intermediate_size=80, intermediate_size=96),
    "qwen3_moe": lambda sizes: transformers.Qwen3MoeConfig(
        **sizes, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=48, intermediate_size=96, head_dim=16, norm_topk_prob=True),
}


def save_made(config, folder, **how):
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder, **how)
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(ROOT / "examples/tiny" / file, folder)
    return folder


def recipe(methods):
    stages = []
    for i, method in enumerate(methods):
        call, _, layers = method.partition(" for ")
        stages.append(f"  stage stage{i} = {call} of {f'stage{i - 1}' if i else 'model'} over sample{layers and f' for {layers}'}")
    return "\n".join([
        'import { angular } from "std/prune/angular"',
        'import { shortgpt } from "std/prune/shortgpt"', 'import { minitron_width } from "std/prune/minitron"',
        'import { quarot } from "std/rotate/quarot"', 'import { slicegpt } from "std/rotate/slicegpt"',
        'import { wanda } from "std/prune/wanda"', 'import { mean_nll } from "std/evaluate"',
        "recipe cut(model: Model, text: Corpus) {", f"  let sample = text.train.sample(8, length: {LENGTH}, seed: 3)", *stages,
        f"  report mean_nll(stage{len(methods) - 1}, text.test, {LENGTH})", f'  save stage{len(methods) - 1} as "huggingface"', "}", ""])


def run(methods, model, text, place):
    """The mean NLL that lcomp reports of what it saves in `place`/out."""
    (place / "cut.lcomp").write_text(recipe(methods))
    lcomp = ["node", ROOT / "runtime/cli/launch.mjs", "run", place / "cut.lcomp"]
    done = subprocess.run([*lcomp, "--model", model, "--text", text, "--out", place / "out", "--json", "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    (found,) = json.loads(done.stdout)["measures"]["mean_nll"].values()
    return found


def promised(folder):
    """The tensors of a file, by the config alone: those that share another's memory are stored once."""
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder))
    tied = set(model.all_tied_weights_keys)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items() if name not in tied}


def stored(folder):
    files = {file: safe_open(file, "pt") for file in sorted(folder.glob("*.safetensors"))}
    return {name: tuple(file.get_slice(name).get_shape()) for file in files.values() for name in file.keys()}


def by_transformers(folder, windows):
    """The mean NLL, and what was not as the model wants it."""
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    ids = torch.from_numpy(windows)
    with torch.no_grad():
        logits = model.eval()(ids).logits.double()
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    return loss.item(), [name for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs") for name in info[kind]]


def read(methods, model, text, windows, place):
    """The mean NLL of one folder by all who read it, and all that is not as it should be."""
    reported = run(methods, model, text, place)
    of_config, found = promised(place / "out"), stored(place / "out")
    if any(".experts.0." in name for name in found):  # files have each expert's matrices apart, the model has them in one
        of_config, found = {}, {}
    misshapen = [name for name in sorted(of_config.keys() | found.keys()) if found.get(name) != of_config.get(name)]
    if misshapen:
        return {"lcomp": reported}, [f"{name} is {found.get(name)}, by the config {of_config.get(name)}" for name in misshapen]
    loss, unfit = by_transformers(place / "out", windows)
    config = json.loads((model / "config.json").read_text())
    is_llama = config["model_type"] == "llama" and (config.get("rope_parameters") or {}).get("rope_type", "default") == "default"
    figures = {"lcomp": reported, "transformers": loss, **({"NumPy": mean_nll(load(place / "out"), windows)} if is_llama else {})}
    return figures, [
        *(f"transformers: {name}" for name in unfit),
        *(f"{who} is off" for who, nll in figures.items() if not abs(reported - nll) < TOLERANCE),
    ]


def main():
    silence()
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--models", type=Path, default=ROOT.parent / "shared/models")
    models = arguments.parse_args().models
    failed = 0
    with tempfile.TemporaryDirectory() as root:
        text = Path(root) / "text"
        text.mkdir()
        for split in (ROOT / "examples/world").glob("*.jsonl"):
            documents = split.read_text().splitlines(keepends=True)
            (text / split.name).write_text("".join(documents[:DOCUMENTS]))
        made = Path(root) / "models"
        mixtures = [make(made / f"made {name}{', fused' if is_fused else ''}", config, save_original_format=not is_fused)
                    for name, config in MIXTURES.items() for is_fused in (False, True)]
        dense = [make_gemma(made / "made gemma3"), *(make(made / f"made {name}", config) for name, config in DENSE.items())]
        rotary = [make(made / f"made {name}", stretched(*how)) for name, how in ROTARY.items()]
        for model in (ROOT / "examples/tiny", models / "babyllama361", models / "stories260K", *dense, *mixtures, *rotary):
            if not (model / "config.json").exists():
                print(f"{model.name}: not here")
                continue
            ids = text_ids(model, text / "test.jsonl", sys.maxsize)
            windows = np.array(ids[:len(ids) // LENGTH * LENGTH]).reshape(-1, LENGTH)
            refused = REFUSED.get(json.loads((model / "config.json").read_text())["model_type"], ())
            for name, methods in (EXPERTS if model in mixtures else NARROWER if model in rotary else CUTS).items():
                if name in refused:
                    continue
                place = Path(root) / model.name / name
                place.mkdir(parents=True)
                figures, found = read(methods, model, text, windows, place)
                shown = ", ".join(f"{who} {nll:.6f}" for who, nll in figures.items())
                print("\n  ".join([f"{model.name}, {name}: {shown}: {'FAILED' if found else 'as it should be'}", *found]), flush=True)
                failed += len(found) > 0
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
