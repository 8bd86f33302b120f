"""kl.py: how far a changed copy of ../../examples/tiny is from it, in NumPy and float64, written to kl.json beside this file.

The copy's matrices in the blocks have an eighth of `values` of architectures.py added, in float32. Of four windows of 128 tokens are
recorded: KL(tiny ‖ copy) of every predicted token in nats; what llama.cpp prints of it (its `--kl-divergence`: mean with standard error,
percentiles with linear interpolation, greatest, how often both name the same token, the change of the right token's probability, and the
logarithm of the ratio of perplexities with the standard error of the pairs) for all positions and for the second half of each window,
which is what llama.cpp scores; the copy's mean loss with the standard error of the windows' means; and the means over the entries that llama.cpp's file of base logits keeps, those with ln p > -16.
`--check` compares with what is recorded instead of writing.
"""
import json, sys
from pathlib import Path

import numpy as np

from architectures import values
from structured import ROOT, load, rms_norm, same, states, text_ids

RECORD = Path(__file__).resolve().with_suffix(".json")
LENGTH, WINDOWS = 128, 4
PERCENTILES = (99.9, 99, 95, 90, 50, 10, 5, 1, 0.1)


def changed(model):
    """The copy: matrices are added up exactly and rounded to float32."""
    def matrix(layer, name, w):
        added = values(f"model.layers.{layer}.{name}.weight", w.shape).numpy().astype(np.float64) / 8
        return (w + added).astype(np.float32).astype(np.float64)
    return {**model, "layers": [{name: matrix(i, name, w) if w.ndim == 2 else w for name, w in layer.items()} for i, layer in enumerate(model["layers"])]}


def log_p(model, ids):
    """Log-probabilities of the token that follows each but the last."""
    x, _ = states(model, ids)
    logits = (rms_norm(x[-1], model["norm"], model["eps"]) @ model["lm_head"].T)[:-1]
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def mean_and_error(x):
    """A mean, and its standard error."""
    return {"mean": float(np.mean(x)), "error": float(np.sqrt((np.mean(x**2) - np.mean(x)**2) / (x.size - 1)))}


def percentiles(x):
    return {str(p): float(np.percentile(x, p)) for p in PERCENTILES}


def summary(p, q, nexts):
    """Of log-probabilities p and q [token, vocab] and the tokens that came."""
    terms = np.exp(p) * (p - q)
    kl = terms.sum(axis=-1)
    loss_p, loss_q = [-np.take_along_axis(one, nexts[:, None], axis=-1)[:, 0] for one in (p, q)]
    agrees = p.argmax(axis=-1) == q.argmax(axis=-1)
    change = np.exp(-loss_q) - np.exp(-loss_p)
    return {
        "kl": {**mean_and_error(kl), "maximum": float(kl.max()), "percentiles": percentiles(kl),
               "mean of ln p > -16": float(np.where(p > -16, terms, 0).sum(axis=-1).mean())},
        "same top token": {"share": float(agrees.mean()), "error": float(np.sqrt(agrees.mean() * (1 - agrees.mean()) / (agrees.size - 1)))},
        "perplexity": {"tiny": float(np.exp(loss_p.mean())), "copy": float(np.exp(loss_q.mean())),
                       "ln ratio": mean_and_error(loss_q - loss_p), "correlation": float(np.corrcoef(loss_p, loss_q)[0, 1])},
        "change of p": {**mean_and_error(change), "root mean square": float(np.sqrt(np.mean(change**2))), "percentiles": percentiles(change)},
    }


def main():
    tiny = load(ROOT / "examples/tiny")
    copy = changed(tiny)
    tokens = text_ids(ROOT / "examples/tiny", ROOT / "examples/world/test.jsonl", LENGTH * WINDOWS)
    windows = np.array(tokens).reshape(WINDOWS, LENGTH)
    p, q = [np.stack([log_p(model, ids) for ids in windows]) for model in (tiny, copy)]
    nexts = windows[:, 1:]
    late = slice(LENGTH // 2, None)  # the tokens after these positions, as llama.cpp scores them: n / 2 to n - 2
    flat = lambda x: x.reshape(-1, x.shape[-1])
    losses = -np.take_along_axis(q, nexts[..., None], axis=-1)[..., 0]
    found = {
        "length": LENGTH, "tokens": tokens,
        "kl": (np.exp(p) * (p - q)).sum(axis=-1).tolist(),
        "loss of the copy": mean_and_error(losses.mean(axis=-1)),
        "all": summary(flat(p), flat(q), nexts.reshape(-1)),
        "second half": summary(flat(p[:, late]), flat(q[:, late]), nexts[:, late].reshape(-1)),
    }
    found = json.loads(json.dumps(found))
    if "--check" in sys.argv:
        is_same = same(found, json.loads(RECORD.read_text()))
        print(f"{WINDOWS} windows, mean KL {np.mean(found['kl']):.9f}: {'' if is_same else 'not '}as recorded")
        sys.exit(not is_same)
    RECORD.write_text("{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in found.items()) + "\n}\n")


if __name__ == "__main__":
    main()
