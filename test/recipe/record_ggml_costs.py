"""record_ggml_costs.py LIBRARY MODEL: what ggml's own searches cost of the matrices of the model of ggml.test.ts, written to ggml_costs.json.

LIBRARY is a libggml-base, such as the one in npm's node-llama-cpp 3.22.1; MODEL the folder that the test writes. For each K-quant the sum
of squares that it loses of its layer without importance, and with it, by importance.
"""
import ctypes, json, sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

library, model = sys.argv[1:]
ggml = ctypes.CDLL(library)
pointer, count = ctypes.c_void_p, ctypes.c_int64
ggml.ggml_quantize_chunk.argtypes = [ctypes.c_int, pointer, pointer, count, count, count, pointer]
LAYERS = {"q2_K": "self_attn.q", "q3_K": "self_attn.k", "q4_K": "self_attn.v", "q5_K": "self_attn.o", "q6_K": "mlp.gate"}
importance = ((1 + np.arange(256) % 7) ** 2).astype(np.float32)


def cost(number, name, x, weight):
    rows, columns = x.shape
    codes, y = np.zeros(4 * x.size, np.uint8), np.zeros_like(x)
    given = None if weight is None else weight.ctypes.data
    ggml.ggml_quantize_chunk(number, x.ctypes.data, codes.ctypes.data, 0, rows, columns, given)
    getattr(ggml, f"dequantize_row_{name}")(pointer(codes.ctypes.data), pointer(y.ctypes.data), count(x.size))
    return float(((x.astype(np.float64) - y) ** 2 * (1 if weight is None else weight)).sum())


tensors = load_file(f"{model}/model.safetensors")
costs = {}
for number, (name, layer) in enumerate(LAYERS.items(), 10):
    x = np.ascontiguousarray(tensors[f"model.layers.0.{layer}_proj.weight"])
    costs[name.lower()] = [cost(number, name, x, None), cost(number, name, x, importance)]
Path(__file__).with_name("ggml_costs.json").write_text(json.dumps(costs, indent=2) + "\n")
