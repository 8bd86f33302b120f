"""ggml_blocks.py: what weights the gguf package makes of blocks of random bytes, written to ggml_blocks.json beside this file.

Of each type of ggml that lcomp has a format for, two rows of two blocks, all of whose weights are finite: their bytes, and the weights as f32,
both in base64. `--check` compares with what is recorded instead of writing.
"""
import base64, importlib.metadata, json, sys
from pathlib import Path

import gguf
import numpy as np

RECORD = Path(__file__).resolve().with_suffix(".json")
TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"]
ROWS, BLOCKS = 2, 2


def finite_blocks(kind, draw):
    """Random blocks, each drawn again until its weights are finite."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    found = []
    while len(found) < ROWS * BLOCKS:
        block = draw.integers(0, 256, size, dtype=np.uint8)
        with np.errstate(all="ignore"):
            weights = gguf.quants.dequantize(block, kind)
        if np.isfinite(weights).all():
            found.append(block)
    return np.concatenate(found).reshape(ROWS, BLOCKS * size)


def row(name):
    kind = gguf.GGMLQuantizationType[name]
    blocks = finite_blocks(kind, np.random.default_rng(int(kind)))
    text = lambda array: base64.b64encode(array.tobytes()).decode()
    return {"name": name, "blocks": text(blocks), "weights": text(gguf.quants.dequantize(blocks, kind))}


def main():
    made = {"versions": {"gguf": importlib.metadata.version("gguf")}, "shape": [ROWS, BLOCKS], "rows": [row(name) for name in TYPES]}
    if "--check" not in sys.argv:
        RECORD.write_text(json.dumps(made, indent=1) + "\n")
        return
    differing = [new["name"] for new, old in zip(made["rows"], json.loads(RECORD.read_text())["rows"], strict=True) if new != old]
    print(f"{len(TYPES) - len(differing)} of {len(TYPES)} types as recorded", *differing, sep="\n  ")
    sys.exit(len(differing) > 0)


if __name__ == "__main__":
    main()
