"""low_rank.py: low-rank methods of the library, written again in NumPy's float64 with exact decompositions, on the layer of the oracles.

The relative errors of what they make are written to low_rank.json beside this file; `--check` compares with what is recorded instead.
    low_rank.py [--check]
Written from the papers: SVD-LLM (arXiv:2403.07378), ASVD (2312.05821), LQER (2402.02446), CALDERA (2405.18886), QuIP# (2402.04396), with the grids of
`std/quantize/affine`.
"""

import itertools
import json
import struct
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
RECORD = HERE / "low_rank.json"
CASE = HERE.parent.parent.parent / "shared/oracles/case0.safetensors"
TOLERANCE = 1e-3  # of an error: what one code more or less may change


def tensors(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    return {
        name: np.frombuffer(data[8 + length :][slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def grid(b, bits):
    low, high = np.minimum(b.min(-1), 0), np.maximum(b.max(-1), 0)
    scale = ((high - low) / (2**bits - 1)).astype(np.float16).astype(np.float64)
    scale = np.where(scale > 0, scale, 1)
    return scale[..., None], np.clip(np.round(-low / scale), 0, 2**bits - 1)[..., None]


def rounded(b, bits, scale, zero):
    return scale * (np.clip(np.round(b / scale) + zero, 0, 2**bits - 1) - zero)


def coded(x, bits, every):
    """Rows in groups of `every`."""
    b = x.reshape(x.shape[0], -1, every)
    return rounded(b, bits, *grid(b, bits)).reshape(x.shape)


def sweep(w, u, bits, every):
    w, q = w.copy(), np.zeros_like(w)
    for j in range(w.shape[1]):
        if j % every == 0:
            scale, zero = grid(w[:, j : j + every], bits)
        q[:, j] = rounded(w[:, j], bits, scale[:, 0], zero[:, 0])
        w[:, j:] -= np.outer((w[:, j] - q[:, j]) / u[j, j], u[j, j:])
    return q


def lattice():
    """The 2^16 points of E8P (QuIP#, arXiv:2402.04396): patterns of halves with every even change of signs, a quarter up and down."""
    halves = np.array(list(itertools.product([0.5, 1.5, 2.5], repeat=8)))
    near = halves[(halves**2).sum(1) <= 10]
    places = "123 023 013 012 367 357 347 356 346 345 267 257 247 256 246 245 167 157 147 156 146 045 067 057 047 056 046 014 237"
    more = np.array([[0.5 if str(i) in three else 1.5 for i in range(8)] for three in places.split()])
    signs = np.array(list(itertools.product([1, -1], repeat=8)))
    signed = (np.concatenate([near, more])[:, None] * signs).reshape(-1, 8)
    even = signed[signed.sum(1) % 2 == 0]
    return np.concatenate([even + 0.25, even - 0.25]).astype(np.float32)


POINTS = lattice()
SQUARES = (POINTS**2).sum(1) / 2


def nearest(x):
    """Of rows of eight numbers, by looking at all points."""
    at = [np.argmax(some @ POINTS.T - SQUARES, axis=1) for some in np.array_split(x.astype(np.float32), max(1, len(x) // 512))]
    return POINTS[np.concatenate(at)].astype(np.float64)


def point_scale(w):
    scale = (np.sqrt((w**2).mean(-1, keepdims=True)) / 1.03).astype(np.float16).astype(np.float64)
    return np.where(scale > 0, scale, 1)


def pointed(w):
    scale = point_scale(w)
    return scale * nearest((w / scale).reshape(-1, 8)).reshape(w.shape)


def sweep_points(w, u):
    """Eight columns at once; in a block, what a column leaves is taken from those behind the block as if it were frozen by itself."""
    w, q, scale = w.copy(), np.zeros_like(w), point_scale(w)
    for j in range(w.shape[1]):
        if j % 8 == 0:
            q[:, j : j + 8] = scale * nearest(w[:, j : j + 8] / scale)
        w[:, j:] -= np.outer((w[:, j] - q[:, j]) / u[j, j], u[j, j:])
    return q


def truncated(a, s, rank):
    """The matrix of a rank that is nearest to a as s weighs its columns: left, right, and what is left, squared."""
    left, values, _ = np.linalg.svd(a @ s, full_matrices=False)
    left = left[:, :rank]
    return left, left.T @ a, (values[rank:] ** 2).sum()


def root(h):
    values, vectors = np.linalg.eigh(h)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def caldera(w, h, sweep_q, every, rank, factor_bits, rounds):
    size = lambda e: (e * (e @ h)).sum()
    s = root(h)

    def factors(a):
        left = coded(truncated(a, s, rank)[0].T, factor_bits, every).T
        return left, coded(np.linalg.lstsq(left, a, rcond=None)[0], factor_bits, every)

    q, errors = np.zeros_like(w), []
    for half in range(2 * rounds):
        if half % 2 == 0:
            left, right = factors(w - q)
        else:
            q = sweep_q(w - left @ right)
        errors.append(float(np.sqrt(size(w - q - left @ right) / size(w))))
    return errors


def main():
    case = tensors(CASE)
    w, x = case["W"].astype(np.float64), case["X"].astype(np.float64)
    h = x.T @ x / len(x)
    size = lambda e: np.sqrt((e * (e @ h)).sum() / (w * (w @ h)).sum())
    inverse = np.linalg.inv(h + 0.01 * np.diag(h).mean() * np.eye(len(h)))
    u = np.linalg.cholesky(inverse).T

    whitened = {}
    for name, s in {"cholesky": np.linalg.cholesky(h), "root": root(h)}.items():
        left, right, rest = truncated(w, s, 64)
        whitened[name] = [float(size(w - left @ right)), float(np.sqrt(rest / (w * (w @ h)).sum()))]
    loud = np.abs(x).mean(0)
    left, right, _ = truncated(w, np.diag(loud**0.5 + 1e-6), 64)
    asvd = float(size(w - left @ right))
    q = coded(w, 3, 64)
    loud = np.maximum(loud, 1e-4)
    left, right, _ = truncated(w - q, np.diag(loud / np.sqrt(loud.min() * loud.max())), 32)
    lqer = [float(size(w - q)), float(size(w - q - left @ right))]
    affine = lambda bits: lambda a: sweep(a, u, bits, 64)
    ours = {bits: caldera(w, h, affine(bits), 64, 32, factor_bits, 4) for bits, factor_bits in ((2, 4), (3, 8))}
    ours["e8p"] = caldera(w, h, lambda a: sweep_points(a, u), 64, 32, 8, 2)
    assert len(np.unique(POINTS, axis=0)) == 2**16
    points = pointed(w)
    e8p = {"nearest": float(size(w - points)), "row": points[0, :64].tolist()}
    swept = {bits: float(size(w - sweep(w, u, bits, 64))) for bits in (2, 3)}
    found = json.loads(json.dumps({"whitened": whitened, "asvd": asvd, "lqer": lqer, "swept": swept, "caldera": ours, "e8p": e8p}))
    if "--check" not in sys.argv:
        RECORD.write_text(json.dumps(found, indent=1) + "\n")
        return
    recorded = json.loads(RECORD.read_text())
    worst = {name: off(found.get(name), recorded.get(name)) for name in {**recorded, **found}}
    for name, by in worst.items():
        print(f"  {name}: at most {by:.1e} from what is recorded")
    differing = [name for name, by in worst.items() if not by <= TOLERANCE]
    print(f"{len(worst) - len(differing)} of {len(worst)} methods as recorded", *differing, sep="\n  ")
    sys.exit(len(differing) > 0)


def off(a, b):
    """The greatest relative difference of numbers in two trees of one shape; infinite for trees of two."""
    if isinstance(a, dict) and isinstance(b, dict):
        a, b = ([tree[key] for key in sorted(tree)] for tree in (a, b))
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max(off(x, y) for x, y in zip(a, b))
    return abs(a / b - 1) if isinstance(a, float) and isinstance(b, float) else float("inf")


if __name__ == "__main__":
    main()
