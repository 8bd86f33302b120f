"""targets.py: folders of codes that lcomp writes, as the programs read them that they are for.

lcomp rounds ../../examples/tiny, saves it, and reports the mean NLL of the stage; the folder's must be that, to 1e-4: as transformers reads it, with
compressed-tensors, which makes numbers of the codes, and for GPTQ and AWQ with GPTQModel, which keeps them. What an adapter beside the codes adds,
PEFT reads. A GPT-2 is not among them: transformers
5.24 with GPTQModel 7.7 ends in its own initialiser, which looks for the weights of c_proj. Nothing is recorded.
    targets.py [--check]
"""
import json, os, subprocess, sys, tempfile
from pathlib import Path

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # GPTQModel would compile how each layer is decoded
import peft, torch, transformers

from config import silence
from structured import ROOT, text_ids

LENGTH, TOLERANCE = 64, 1e-4
TINY, TEXT = ROOT / "examples/tiny", ROOT / "examples/world"
KINDS = [
    ("compressed-tensors", "rtn(4, every: 32, symmetric: true)"), ("compressed-tensors", "rtn(4, every: 32)"),
    ("compressed-tensors", "rtn(8, every: 128, symmetric: true)"), ("compressed-tensors", "rtn(8, every: 64)"),
    ("compressed-tensors", "fp8()"), ("compressed-tensors", "fp8_whole()"),
    ("compressed-tensors", "lqer(4, every: 32, rank: 8)"), ("compressed-tensors", "caldera(4, every: 32, rank: 16, rounds: 1)"),
    ("gptq", "rtn(4, every: 32, symmetric: true)"), ("gptq", "rtn(4, every: 64)"), ("gptq", "rtn(8, every: 128)"), ("gptq", "rtn(2, every: 32)"),
    ("awq", "rtn(4, every: 32)"), ("awq", "rtn(4, every: 128, symmetric: true)"),
]


def run(target, method, place):
    """The mean NLL that lcomp reports of the stage that it saves in `place`/out."""
    over = "over text.train.sample(16, length: 64, seed: 0) " if "rank" in method else ""
    (place / "coded.lcomp").write_text("\n".join([
        'import { caldera } from "std/lowrank/caldera"', 'import { lqer } from "std/lowrank/lqer"',
        'import { fp8, fp8_whole } from "std/quantize/fp8"', 'import { rtn } from "std/quantize/rtn"', 'import { mean_nll } from "std/evaluate"', "recipe coded(model: Model, text: Corpus) {",
        f"  stage small = {method} of model {over}for linear except lm_head", f"  report mean_nll(small, text.test.first(16), {LENGTH})",
        f'  save small as "{target}"', "}", ""]))
    lcomp = ["node", ROOT / "runtime/cli/launch.mjs", "run", place / "coded.lcomp", "--model", TINY, "--text", TEXT, "--out", place / "out"]
    done = subprocess.run([*lcomp, "--json", "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{target} {method}: lcomp ends with {done.returncode}\n{done.stderr}")
    (measure,) = json.loads(done.stdout)["measures"].values()
    return measure["small"]


def loaded(folder, target):
    """The folder as transformers reads it, with its adapter; what the codes are, it says itself."""
    how = {
        "compressed-tensors": transformers.CompressedTensorsConfig(run_compressed=False),
        "gptq": transformers.GPTQConfig(bits=4, backend="torch"),
        "awq": transformers.AwqConfig(backend="torch_awq"),
    }
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, quantization_config=how[target])
    return peft.PeftModel.from_pretrained(model, folder / "adapter") if (folder / "adapter").exists() else model


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
            found = nll(loaded(Path(place) / "out", target), ids)
        worst = max(worst, abs(found - reported))
        print(f"{target:20} {method:38} lcomp {reported:.6f}, read {found:.6f}")
    print(f"greatest difference {worst:.1e}")
    sys.exit(not worst <= TOLERANCE)


if __name__ == "__main__":
    main()
