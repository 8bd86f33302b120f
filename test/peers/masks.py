"""masks.py: what Wanda drops of small models of every family, by lcomp and by PyTorch, and the folders that lcomp leaves, as transformers reads them.

A model of random numbers of each family, with the example's tokenizer; lcomp prunes all linear layers of its blocks by Wanda, half of
each row. PyTorch does the same, block after block: activations of the pruned blocks before, by hooks on transformers' own modules.
A weight may differ where two scores of a row are as good as equal. The mean NLL that lcomp reports of what it saves must be that of
transformers to 1e-5. Nothing is recorded.
    masks.py [--check] [--only FAMILY]
"""
import argparse, json, shutil, subprocess, sys, tempfile
from pathlib import Path

import numpy as np
import torch, transformers

from config import silence
from folders import by_transformers
from structured import ROOT, starts, text_ids

LENGTH, SAMPLES, SEED, TOLERANCE, NEAR = 48, 8, 3, 1e-5, 1e-4
SIZES = {"vocab_size": 1024, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": 128, "initializer_range": 0.1, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
ALONE = {key: value for key, value in SIZES.items() if key != "num_key_value_heads"}
FAMILIES = {
    "llama": transformers.LlamaConfig(**SIZES),
    "mistral": transformers.MistralConfig(**SIZES, sliding_window=16),
    "qwen2": transformers.Qwen2Config(**SIZES),
    "qwen3": transformers.Qwen3Config(**SIZES, head_dim=16),
    "gemma2": transformers.Gemma2Config(**SIZES, head_dim=16, query_pre_attn_scalar=16, sliding_window=16),
    "gemma3": transformers.Gemma3TextConfig(**SIZES, head_dim=16, query_pre_attn_scalar=16, sliding_window=16),
    "phi3": transformers.Phi3Config(**SIZES, rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "olmo2": transformers.Olmo2Config(**SIZES),
    "gpt2": transformers.GPT2Config(vocab_size=1024, n_positions=128, n_embd=64, n_layer=3, n_head=4, initializer_range=0.1, bos_token_id=0, eos_token_id=0),
    "gpt_neox": transformers.GPTNeoXConfig(**ALONE),
}
RECIPE = f"""import {{ wanda }} from "std/prune/wanda"
import {{ mean_nll }} from "std/evaluate"

recipe half(model: Model, text: Corpus) {{
  let sample = text.train.sample({SAMPLES}, length: {LENGTH}, seed: {SEED})
  stage sparse = wanda(50%) of model over sample for linear except lm_head
  report mean_nll(sparse, text.test, {LENGTH})
  save sparse as "huggingface"
}}
"""


def make(name, config, folder):
    """A model of random numbers, and norms that are not all alike."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).float()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.2 * torch.rand_like(parameter))
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(ROOT / "examples/tiny" / file, folder)


def matrices(block):
    """The layers of a block with a way to see their weights as [out, in]: GPT-2's are stored the other way round."""
    for name, module in block.named_modules():
        if isinstance(module, torch.nn.Linear):
            yield name, module, lambda w: w
        if isinstance(module, transformers.pytorch_utils.Conv1D):
            yield name, module, lambda w: w.T


def pruned(folder, windows):
    """By Wanda, block after block: the model, and how far apart the two scores are between which each row of each layer is cut."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    blocks = next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
    ids, gaps = torch.from_numpy(windows), {}
    for number, block in enumerate(blocks):
        power = {}

        def watch(name):
            return lambda module, inputs: power.__setitem__(name, power.get(name, 0) + inputs[0].double().pow(2).flatten(0, -2).sum(0))

        hooks = [module.register_forward_pre_hook(watch(name)) for name, module, _ in matrices(block)]
        with torch.no_grad():
            model(ids)
        for hook in hooks:
            hook.remove()
        for name, module, seen in matrices(block):
            w = seen(module.weight.data)
            score = w.double().abs() * power[name].sqrt()
            ordered = score.sort(dim=1).values
            half = w.shape[1] // 2
            w[score <= ordered[:, half - 1:half]] = 0
            gaps[f"{number}.{name}"] = (ordered[:, half] - ordered[:, half - 1]) / ordered[:, half]
    return model, gaps


def masks(model):
    blocks = next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
    return {f"{number}.{name}": seen(module.weight.data) != 0 for number, block in enumerate(blocks) for name, module, seen in matrices(block)}


def compare(name, config, root):
    """A line of what was found, and what is not as it should be."""
    model, out = root / name, root / f"{name}-out"
    make(name, config, model)
    done = subprocess.run(["node", ROOT / "runtime/cli/launch.mjs", "run", root / "half.lcomp", "--model", model, "--text", root / "text",
                           "--out", out, "--json", "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        return name, [done.stderr]
    (reported,) = json.loads(done.stdout)["measures"]["mean_nll"].values()
    ids = text_ids(model, root / "text/test.jsonl", sys.maxsize)
    windows = np.array(ids[:len(ids) // LENGTH * LENGTH]).reshape(-1, LENGTH)
    loss, unfit = by_transformers(out, windows)
    sample = np.array([ids[at:at + LENGTH] for at in starts(SAMPLES, LENGTH, SEED, len(ids))])
    by_torch, gaps = pruned(model, sample)
    wanted = masks(by_torch)
    found = masks(transformers.AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32))
    rows = [(layer, row) for layer in wanted for row in (wanted[layer] != found[layer]).any(1).nonzero().flatten().tolist()]
    far = [f"{layer}, row {row}: another mask" for layer, row in rows if gaps[layer][row] > NEAR]
    count = sum(len(mask) for mask in wanted.values())
    shown = f"{name}: {count} rows, {len(rows)} cut elsewhere between two scores that are all but equal; NLL {reported:.6f}, by transformers {loss:.6f}"
    off = [] if abs(reported - loss) < TOLERANCE * loss else ["the loss is off"]
    zeros = [layer for layer, mask in found.items() if (mask.sum(1) != mask.shape[1] // 2).any()]
    return shown, [*unfit, *off, *far, *(f"{layer} has other than half of its weights" for layer in zeros)]


def main():
    silence()
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--only", choices=FAMILIES)
    only = arguments.parse_args().only
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        (root / "text").mkdir()
        (root / "half.lcomp").write_text(RECIPE)
        lines = (ROOT / "examples/world/test.jsonl").read_text().splitlines(keepends=True)[:8]
        for split in ("train", "test"):
            (root / f"text/{split}.jsonl").write_text("".join(lines))
        for name, config in FAMILIES.items():
            if only in (None, name):
                shown, wrong = compare(name, config, root)
                print("\n  ".join([f"{shown}: {'FAILED' if wrong else 'as it should be'}", *wrong]), flush=True)
                failed += len(wrong) > 0
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
