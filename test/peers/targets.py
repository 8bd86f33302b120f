"""targets.py: folders of codes that lcomp writes, as the programs read them that they are for.

lcomp rounds ../../examples/tiny, saves it, and reports the mean NLL of the stage; the folder's must be that, to 1e-4. Folders of compressed-tensors
are read by transformers, which has that package decompress them. The loaders of GPTQ and AWQ want a GPU: their folders are read by NumPy, as the
formats are described (AutoGPTQ qlinear_cuda_old.py, GPTQModel utils/model.py; AutoAWQ packing_utils.py), and what is read is put in the place of the
weights of the given model. Nothing is recorded.
    targets.py [--check]
"""
import json, subprocess, sys, tempfile
from pathlib import Path

import numpy as np
import torch, transformers
from safetensors.numpy import load_file

from config import silence
from structured import ROOT, text_ids

LENGTH, TOLERANCE = 64, 1e-4
TINY, TEXT = ROOT / "examples/tiny", ROOT / "examples/world"
KINDS = [
    ("compressed-tensors", "rtn(4, every: 32, symmetric: true)"), ("compressed-tensors", "rtn(4, every: 32)"),
    ("compressed-tensors", "rtn(8, every: 128, symmetric: true)"), ("compressed-tensors", "rtn(8, every: 64)"),
    ("compressed-tensors", "fp8()"), ("compressed-tensors", "fp8_whole()"),
    ("gptq", "rtn(4, every: 32, symmetric: true)"), ("gptq", "rtn(4, every: 64)"), ("gptq", "rtn(8, every: 128)"), ("gptq", "rtn(2, every: 32)"),
    ("awq", "rtn(4, every: 32)"), ("awq", "rtn(4, every: 128, symmetric: true)"),
]


def run(target, method, place):
    """The mean NLL that lcomp reports of the stage that it saves in `place`/out."""
    (place / "coded.lcomp").write_text("\n".join([
        'import { fp8, fp8_whole } from "std/quantize/fp8"', 'import { rtn } from "std/quantize/rtn"', 'import { mean_nll } from "std/evaluate"', "recipe coded(model: Model, text: Corpus) {",
        f"  stage small = {method} of model for linear except lm_head", f"  report mean_nll(small, text.test.first(16), {LENGTH})",
        f'  save small as "{target}"', "}", ""]))
    lcomp = ["node", ROOT / "runtime/cli/launch.mjs", "run", place / "coded.lcomp", "--model", TINY, "--text", TEXT, "--out", place / "out"]
    done = subprocess.run([*lcomp, "--json", "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{target} {method}: lcomp ends with {done.returncode}\n{done.stderr}")
    (measure,) = json.loads(done.stdout)["measures"].values()
    return measure["small"]


def nibbles(words, bits):
    """The codes in each word, lowest bits first: a last dimension more."""
    return (words.view(np.uint32)[..., None] >> np.arange(0, 32, bits, dtype=np.uint32)) & (2**bits - 1)


def gptq(tensors, path, said):
    """AutoGPTQ's layout: w = scale (code - zero), of the first version with zero points less one."""
    bits = said["bits"]
    codes = nibbles(tensors[f"{path}.qweight"], bits)  # [in / pack, out, pack]
    codes = codes.transpose(0, 2, 1).reshape(-1, codes.shape[1]).astype(np.float32)
    zeros = nibbles(tensors[f"{path}.qzeros"], bits)
    zeros = zeros.reshape(zeros.shape[0], -1).astype(np.float32) + (said["checkpoint_format"] == "gptq")
    run = tensors[f"{path}.g_idx"]
    return (tensors[f"{path}.scales"].astype(np.float32)[run] * (codes - zeros[run])).T


def awq(tensors, path, said):
    """AutoAWQ's: nibble k of a word has the output [0, 2, 4, 6, 1, 3, 5, 7][k] of its eight."""
    def unpacked(words):
        codes = nibbles(words, 4)[..., [0, 4, 1, 5, 2, 6, 3, 7]]
        return codes.reshape(codes.shape[0], -1).astype(np.float32)
    codes, zeros = unpacked(tensors[f"{path}.qweight"]), unpacked(tensors[f"{path}.qzeros"])
    run = np.arange(codes.shape[0]) // said["group_size"]
    return (tensors[f"{path}.scales"].astype(np.float32)[run] * (codes - zeros[run])).T


def decoded(folder, reader):
    """The given model with the weights that a folder's codes stand for."""
    said = json.loads((folder / "config.json").read_text())["quantization_config"]
    tensors = load_file(folder / "model.safetensors")
    model = transformers.AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32)
    paths = {name.removesuffix(".qweight") for name in tensors if name.endswith(".qweight")}
    own = {f"{path}.weight": torch.from_numpy(np.ascontiguousarray(reader(tensors, path, said))) for path in paths}
    rest = {name: torch.from_numpy(tensor) for name, tensor in tensors.items() if name.rsplit(".", 1)[0] not in paths}
    missing, extra = model.load_state_dict({**own, **rest}, strict=False)
    if extra or [name for name in missing if name != "lm_head.weight"]:
        raise SystemExit(f"{folder}: missing {missing}, left over {extra}")
    return model


def decompressed(folder):
    """The folder as transformers and compressed-tensors read it, as numbers."""
    how = transformers.CompressedTensorsConfig(run_compressed=False)
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, quantization_config=how)


def nll(model, ids):
    model.eval()
    with torch.no_grad():
        logits = model(torch.tensor(ids).reshape(-1, LENGTH)).logits
    return mean_nll_of(logits.double(), torch.tensor(ids).reshape(-1, LENGTH))


def mean_nll_of(logits, windows):
    losses = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), windows[:, 1:].flatten(), reduction="mean")
    return float(losses)


def main():
    silence()
    ids = text_ids(TINY, TEXT / "test.jsonl", LENGTH * 16)
    worst = 0
    for target, method in KINDS:
        with tempfile.TemporaryDirectory() as place:
            reported = run(target, method, Path(place))
            folder = Path(place) / "out"
            model = decompressed(folder) if target == "compressed-tensors" else decoded(folder, {"gptq": gptq, "awq": awq}[target])
            found = nll(model, ids)
        worst = max(worst, abs(found - reported))
        print(f"{target:20} {method:38} lcomp {reported:.6f}, read {found:.6f}")
    print(f"greatest difference {worst:.1e}")
    sys.exit(not worst <= TOLERANCE)


if __name__ == "__main__":
    main()
