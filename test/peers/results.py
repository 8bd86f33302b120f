"""results.py: what models lose by methods of docs/results.md, by transformers and PyTorch, written to results.json.

Magnitude and Wanda (masks), RTN, GPTQ and SparseGPT as their papers have them, block after block on the activations that the blocks before
leave, in float64 but for the forward passes; on the same windows as the rows. What changes weights rounds them to the checkpoint's type.
A sweep hands each rounding on to the columns behind it, so that the last bits of its moments can decide what becomes of a layer. How far they
do is in `spreads`: the greatest difference in loss of three runs, two of which have moments that are off by as much as float32 rounds.
    results.py [--check] [--models DIR] [--texts DIR] [--smollm2 DIR] [--model MODEL] [--only PART]
compares with what is recorded instead of writing it; a model whose folder is not there is left as it is recorded, and that is said.
"""
import argparse, json, math, sys
from pathlib import Path

import numpy as np
import torch, transformers

from config import silence
from structured import ROOT, starts, text_ids

RECORD = Path(__file__).resolve().parent / "results.json"
TOLERANCE = 1e-4
MODELS = {
    "tiny": {"text": "world", "length": 512, "windows": 64, "samples": 64, "sparsity": ("50", "60", "2of4"), "bits": (8, 4, 3, 2), "every": (64,)},
    "babyllama361": {"text": "tinystories", "length": 256, "windows": 128, "samples": 128, "sparsity": ("50", "60", "2of4"), "bits": (8, 4, 3, 2), "every": (32,)},
    "smollm2": {"text": "wikitext2", "length": 512, "windows": 16, "samples": 16, "sparsity": ("50", "2of4"), "bits": (4, 3), "every": (64, 192)},
}


# Methods: a matrix [out, in] and the mean of x xᵀ over tokens, and what becomes of the matrix

def best(score, sparsity):
    """Those that stay of each row: the greatest, of equals the later."""
    cells = score.reshape(len(score), -1, 4) if sparsity == "2of4" else score[:, None]
    gone = 2 if sparsity == "2of4" else cells.shape[-1] * int(sparsity) // 100
    order = cells.argsort(dim=-1, stable=True)
    return torch.ones_like(cells, dtype=torch.bool).scatter_(-1, order[..., :gone], False).reshape(score.shape)


def magnitude(w, _, sparsity):
    score = w.abs() if sparsity == "2of4" else w.abs().reshape(1, -1)
    return w * best(score, sparsity).reshape(w.shape)


def magnitude_rows(w, _, sparsity):
    return w * best(w.abs(), sparsity)


def wanda(w, h, sparsity):
    return w * best(w.abs() * h.diagonal().sqrt(), sparsity)


def grid(w, bits):
    """Scale, in half precision, and zero point of runs, which span their range and 0."""
    low, high = w.amin(-1, keepdim=True).clamp(max=0), w.amax(-1, keepdim=True).clamp(min=0)
    step = ((high - low) / (2**bits - 1)).half().double()
    scale = torch.where(step > 0, step, 1)
    return scale, (-low / scale).round().clamp(0, 2**bits - 1)


def nearest(w, scale, zero, bits):
    return scale * (((w / scale).round() + zero).clamp(0, 2**bits - 1) - zero)


def rtn(w, _, bits, every):
    runs = w.reshape(len(w), -1, every)
    return nearest(runs, *grid(runs, bits), bits).reshape(w.shape)


def factor(h):
    """U, upper, of (H + 1 % of its mean diagonal)⁻¹ = Uᵀ U."""
    damped = h + 0.01 * h.diagonal().mean() * torch.eye(len(h))
    return torch.linalg.cholesky(torch.linalg.inv(damped), upper=True)


def swept(w, u, frozen):
    """Column after column: what freezing one leaves, those behind it take over."""
    w = w.clone()
    for i in range(w.shape[1]):
        q = frozen(w, i)
        error = (w[:, i] - q) / u[i, i]
        w[:, i + 1:] -= error[:, None] * u[i, i + 1:]
        w[:, i] = q
    return w


def gptq(w, h, bits, every):
    runs = {}

    def frozen(now, i):
        run = i // every
        if run not in runs:
            runs[run] = grid(now[:, run * every:(run + 1) * every], bits)
        scale, zero = runs[run]
        return nearest(now[:, i], scale[:, 0], zero[:, 0], bits)

    return swept(w, factor(h), frozen)


def sparsegpt(w, h, sparsity):
    """Masks of runs of 128 inputs, or of 4, as the sweep reaches them; of a share one threshold for all rows."""
    u = factor(h)
    size = 4 if sparsity == "2of4" else math.gcd(128, w.shape[1])
    masks = {}

    def frozen(now, i):
        run = i // size
        if run not in masks:
            columns = slice(run * size, (run + 1) * size)
            score = (now[:, columns] / u.diagonal()[columns])**2
            masks[run] = best(score if size == 4 else score.reshape(1, -1), sparsity).reshape(score.shape)
        return now[:, i] * masks[run][:, i % size]

    return swept(w, u, frozen)


MASKS = {"magnitude": magnitude, "magnitude_rows": magnitude_rows, "wanda": wanda, "sparsegpt": sparsegpt}
CODES = {"rtn": rtn, "gptq": gptq}
READING = {wanda, sparsegpt, gptq}
SWEPT = {sparsegpt, gptq}


def rows(spec):
    """What rows are called, each with its method and what it is called with."""
    for name, method in MASKS.items():
        for sparsity in spec["sparsity"]:
            yield f"{name}-sparsity{sparsity}", method, {"sparsity": sparsity}
    for name, method in CODES.items():
        for bits in spec["bits"]:
            for every in spec["every"]:
                yield f"{name}-bits{bits}-every{every}", method, {"bits": bits, "every": every}


# Models

def opened(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def rounded(h, seed):
    """A moment that is off by as much as float32 rounds."""
    noise = torch.randn(h.shape, generator=torch.Generator().manual_seed(seed), dtype=h.dtype)
    return h * (1 + 2**-24 * (noise + noise.T))


def compressed(folder, method, arguments, windows, seed=0):
    model, stored = opened(folder), transformers.AutoConfig.from_pretrained(folder).dtype or torch.float32
    for block in model.model.layers:
        layers = [(name, module) for name, module in block.named_modules() if isinstance(module, torch.nn.Linear)]
        powers = observed(model, layers, windows) if method in READING else {}
        if seed > 0:
            powers = {name: rounded(h, seed) for name, h in powers.items()}
        for name, module in layers:
            w = method(module.weight.data.double(), powers.get(name), **arguments)
            module.weight.data = (w if method in CODES.values() else w.to(stored)).float()
    return model


@torch.no_grad()
def observed(model, layers, windows):
    """The mean of x xᵀ that enters each layer."""
    sums = {name: 0 for name, _ in layers}

    def watch(name):
        def seen(_, inputs):
            x = inputs[0].flatten(0, -2).double()
            sums[name] = sums[name] + x.T @ x
        return seen

    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in layers]
    for window in windows:
        model.model(window[None])
    for hook in hooks:
        hook.remove()
    return {name: each / windows.numel() for name, each in sums.items()}


@torch.no_grad()
def perplexity(model, windows):
    losses = [model(window[None], labels=window[None]).loss.double().item() for window in windows]
    return math.exp(float(np.mean(losses)))


def measured(folder, text, spec, only):
    """Perplexity by the names of rows, and of the model as it is given; and what decides of it by its last bits."""
    test, train = (torch.tensor(text_ids(folder, next(text.glob(f"{split}.*")), sys.maxsize)) for split in ("test", "train"))
    length = spec["length"]
    windows = test[:spec["windows"] * length].reshape(-1, length)
    sample = torch.stack([train[at:at + length] for at in starts(spec["samples"], length, 0, len(train))])
    found, spreads = {"given": perplexity(opened(folder), windows)}, {}
    for name, method, arguments in rows(spec):
        if only not in name:
            continue
        seeds = range(3 if method in SWEPT else 1)
        runs = [perplexity(compressed(folder, method, arguments, sample, seed), windows) for seed in seeds]
        found[name] = runs[0]
        if method in SWEPT:
            spreads[name] = math.log(max(runs) / min(runs))
        print(f"  {name}: {found[name]:.6g}, {spreads.get(name, 0):.2g}", flush=True)
    return found, spreads


def main():
    silence()
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--models", type=Path, default=ROOT.parent / "shared/models")
    arguments.add_argument("--texts", type=Path, default=ROOT.parent / "shared/text")
    arguments.add_argument("--smollm2", type=Path)
    arguments.add_argument("--only", default="", help="a part of the names of rows")
    arguments.add_argument("--model", choices=MODELS)
    given = arguments.parse_args()
    folders = {"tiny": ROOT / "examples/tiny", "babyllama361": given.models / "babyllama361", "smollm2": given.smollm2}
    recorded = json.loads(RECORD.read_text())
    off = []
    for name, spec in MODELS.items():
        if given.model not in (None, name):
            continue
        text = ROOT / "examples/world" if name == "tiny" else given.texts / spec["text"]
        if folders[name] is None or not (folders[name] / "config.json").exists() or not text.exists():
            print(f"{name}: not here")
            continue
        print(name)
        found, spreads = measured(folders[name], text, spec, given.only)
        before, spread_before = recorded["perplexities"].get(name, {}), recorded["spreads"].get(name, {})
        # Another number of threads adds in another order.
        near = {row: (TOLERANCE + 2 * spreads.get(row, 0)) * value for row, value in found.items()}
        off += [f"{name}, {row}" for row, value in found.items() if not abs(value - before.get(row, math.nan)) <= near[row]]
        recorded["perplexities"][name] = {**before, **found}
        recorded["spreads"][name] = {**spread_before, **spreads}
    if given.check:
        print(f"{len(off)} rows are not as recorded" if off else "as recorded", *off, sep="\n  ")
        sys.exit(len(off) > 0)
    RECORD.write_text(json.dumps(recorded, indent=2) + "\n")


if __name__ == "__main__":
    main()
