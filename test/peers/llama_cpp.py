"""llama_cpp.py: GGUF files that lcomp writes, as llama.cpp reads them: by the npm package of llama_cpp/package.json, in a folder of its own.

For each recipe below, lcomp saves a model as "gguf", and as "huggingface" what its codes stand for; that again as "gguf", in F32. Then
  every coded tensor must be decoded by ggml's own functions to the bits of the folder;
  the mean NLL of the same windows by llama.cpp must be what lcomp reports, to 1e-4 for F32, and for codes within the difference that
  llama.cpp itself shows between them and the same weights as F32 (it rounds activations where weights are codes), and 1e-4.
Nothing is recorded.
    llama_cpp.py [--check]
"""
import ctypes, json, platform, re, shutil, subprocess, sys, tempfile
from pathlib import Path

import gguf
import numpy as np
import torch, transformers
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TINY = ROOT / "examples/tiny"
LENGTH, WINDOWS, TOLERANCE = 64, 6, 1e-4
# By what a file holds: the model, and the stages that make its codes.
STAGES = {
    "numbers": ("tiny", []),
    "Q8_0": ("tiny", ["q8_0() of model for linear except lm_head"]),
    "Q4_0": ("tiny", ["q4_0() of model for linear except lm_head"]),
    "Q4_1, Q5_0, Q5_1 beside numbers": ("tiny", ["q4_1() of model for down", "q5_0() of stage0 for q, k", "q5_1() of stage1 for gate"]),
    "Q4_0, a table that is the head too": ("tiny", ["q4_0() of model for linear, lm_head"]),
    "Q4_K and Q6_K, a table and a head": ("wide", ["q6_k() of model for lm_head", "q4_k() of stage0 for embed"]),
    "K": ("wide", ["q2_k() of model for gate", "q3_k() of stage0 for up", "q4_k() of stage1 for q, k", "q5_k() of stage2 for v, o", "q6_k() of stage3 for down"]),
    "Mistral": ("mistral", []),
    "Mistral, Q8_0": ("mistral", ["q8_0() of model for linear except lm_head"]),
    "Gemma 2": ("gemma2", []),
    "Phi-3, LongRoPE of a part": ("phi3", []),
    "OLMo 2": ("olmo2", []),
    "GPT-NeoX": ("gpt_neox", []),
    "GPT-NeoX, Q8_0": ("gpt_neox", ["q8_0() of model for linear except lm_head"]),
    "Mixtral": ("mixtral", []),
    "Mixtral, experts of Q4_0 and Q8_0": ("mixtral", ["q4_0() of model for gate, up", "q8_0() of stage0 for down, q"]),
    "Qwen 2 of experts": ("qwen2_moe", []),
    "Qwen 3 of experts": ("qwen3_moe", []),
    "Qwen 3 of experts, Q5_1": ("qwen3_moe", ["q5_1() of model for gate, up, down"]),
}
SIZES = {"vocab_size": 1024, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": 256, "initializer_range": 0.1, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
FACTORS = {"short_factor": [1.0, 1.25, 1.5, 1.75, 2.0, 2.25], "long_factor": [1.5, 2.25, 3.0, 3.75, 4.5, 5.25]}
# Small models of random numbers, by transformers. A context of llama.cpp has at least 256 tokens, of which positions are stretched as
# those of long texts if it has more than the original one.
MODELS = {
    "mistral": lambda: transformers.MistralConfig(**SIZES, sliding_window=None),
    "gemma2": lambda: transformers.Gemma2Config(**{**SIZES, "num_hidden_layers": 4}, head_dim=16, query_pre_attn_scalar=16, sliding_window=16, final_logit_softcapping=5.0),
    "phi3": lambda: transformers.Phi3Config(**SIZES, original_max_position_embeddings=32, rope_parameters={
        "rope_type": "longrope", "rope_theta": 500.0, "partial_rotary_factor": 0.75, **FACTORS}),
    "olmo2": lambda: transformers.Olmo2Config(**SIZES),
    "gpt_neox": lambda: transformers.GPTNeoXConfig(**{key: value for key, value in SIZES.items() if key != "num_key_value_heads"}),
    "mixtral": lambda: transformers.MixtralConfig(**SIZES, num_local_experts=4),
    "qwen2_moe": lambda: transformers.Qwen2MoeConfig(**SIZES, **EXPERTS, shared_expert_intermediate_size=80),
    "qwen3_moe": lambda: transformers.Qwen3MoeConfig(**SIZES, **EXPERTS, head_dim=16, norm_topk_prob=True),
}


def package():
    """The folder of node-llama-cpp, beside this Python; it is installed once."""
    place = Path(sys.prefix) / "llama_cpp"
    shutil.copytree(HERE / "llama_cpp", place, dirs_exist_ok=True)
    if not (place / "node_modules").exists():
        subprocess.check_call(["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=place)
    return place


def ggml(package_folder):
    """The library that decodes, which comes with the package for this machine."""
    names = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    system = {"linux": "linux", "darwin": "mac"}[sys.platform]
    places = (package_folder / "node_modules/@node-llama-cpp").glob(f"{system}-{names[platform.machine().lower()]}*/bins/*/libggml-base.*")
    return sorted(places, key=lambda path: len(str(path)))[0]


def lcomp(*arguments):
    done = subprocess.run(["node", ROOT / "runtime/cli/launch.mjs", *arguments, "--json", "--quiet"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def save(stages, target, model, text, out):
    """The mean NLL that lcomp reports of what it saves."""
    last = f"stage{len(stages) - 1}" if stages else "model"
    lines = [f"  stage stage{i} = {stage}" for i, stage in enumerate(stages)]
    recipe = out.with_suffix(".lcomp")
    recipe.write_text("\n".join([
        'import { q8_0, q4_0, q4_1, q5_0, q5_1 } from "std/quantize/ggml"',
        'import { q2_k, q3_k, q4_k, q5_k, q6_k } from "std/quantize/k_quants"', 'import { mean_nll } from "std/evaluate"',
        "recipe saved(model: Model, text: Corpus) {", *lines, f"  report mean_nll({last}, text.test, {LENGTH})", f'  save {last} as "{target}"', "}", ""]))
    (found,) = lcomp("run", recipe, "--model", model, "--text", text, "--out", out)["measures"]["mean_nll"].values()
    return found


def decoded(library, tensor):
    """The weights of a tensor by ggml's own function; rows as the file has them."""
    name = tensor.tensor_type.name.lower().replace("_k", "_K")
    weights = np.empty(int(np.prod(tensor.shape)), np.float32)
    data = np.ascontiguousarray(tensor.data)
    function = library[f"dequantize_row_{name}"]
    function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64], None
    function(data.ctypes.data, weights.ctypes.data, weights.size)
    return weights.reshape([int(size) for size in reversed(tensor.shape)])


def matrices_of(table, name, weights, head):
    """The matrices of a tensor by their names in a folder: q and k have the rows of a head in pairs, qkv all of q before k and v."""
    [(layer, own, kind)] = re.findall(r"^(?:blk\.(\d+)\.)?(.+)\.(weight|bias)$", name)
    key = f"blk.{{layer}}.{own}" if layer else own
    rows, arranged = weights.shape[-2:], table.get("arranged", {})
    if key in arranged.get("paired", ()):
        weights = weights.reshape(-1, head // 2, 2, rows[1]).swapaxes(1, 2).reshape(rows)
    if key in arranged.get("thirds", ()):
        weights = weights.reshape(3, -1, head, rows[1]).swapaxes(0, 1).reshape(rows)
    place = f"{table['tensors'][key].replace('{layer}', layer)}.{kind}"
    return {place.replace("{expert}", str(expert)): w for expert, w in enumerate(weights)} if "{expert}" in place else {place: weights}


def coded_tensors(library, file, folder):
    """How many tensors are coded; each must be the folder's."""
    reader, numbers = gguf.GGUFReader(file), load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    tables = [json.loads(path.read_text()) for path in (ROOT / "stdlib/gguf").glob("*.json")]
    [table] = [each for each in tables if each.get("config", {}).get("model_type") == config["model_type"]]
    coded = [tensor for tensor in reader.tensors if tensor.tensor_type.name not in ("F32", "F16", "BF16")]
    for tensor in coded:
        for name, weights in matrices_of(table, tensor.name, decoded(library, tensor), head).items():
            assert numbers[name].dtype == np.float32 and (weights.view(np.uint32) == numbers[name].view(np.uint32)).all(), name
    return len(coded)


def tiny(folder):
    """The example in F32."""
    shutil.copytree(TINY, folder)
    save_file({name: w.astype(np.float32) for name, w in load_file(TINY / "model.safetensors").items()}, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "torch_dtype": "float32"}))


def wide():
    """A Llama whose rows blocks of 256 divide."""
    return transformers.LlamaConfig(**{**SIZES, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2})


def random(folder, config):
    """A model of random numbers with the example's tokenizer."""
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY / file, folder)


def main():
    package_folder = package()
    library = ctypes.CDLL(str(ggml(package_folder)))
    failures = []
    with tempfile.TemporaryDirectory() as root:
        place = Path(root)
        tiny(place / "tiny")
        for name, config in {"wide": wide, **MODELS}.items():
            random(place / name, config())
        text, windows = place / "text.txt", place / "windows.json"
        lines = [json.loads(line)["text"] for line in (ROOT / "examples/world/test.jsonl").read_text().splitlines()[:24]]
        ids = Tokenizer.from_file(str(TINY / "tokenizer.json")).encode(" ".join(lines)).ids[:LENGTH * WINDOWS]
        text.write_text(Tokenizer.from_file(str(TINY / "tokenizer.json")).decode(ids, skip_special_tokens=False))
        windows.write_text(json.dumps([ids[at:at + LENGTH] for at in range(0, len(ids), LENGTH)]))
        nll = lambda path: float(subprocess.check_output(["node", package_folder / "nll.mjs", path / "model.gguf", windows], text=True))
        for number, (name, (of, stages)) in enumerate(STAGES.items()):
            model = place / of
            coded, folder, exact = (place / f"{kind}{number}" for kind in ("coded", "folder", "exact"))
            said = save(stages, "gguf", model, text, coded)
            save(stages, "huggingface", model, text, folder)
            save([], "gguf", folder, text, exact)
            count = coded_tensors(library, coded / "model.gguf", folder)
            theirs, plain = nll(coded), nll(exact)
            own = abs(theirs - plain) if count else 0
            is_good = abs(said - plain) <= TOLERANCE and abs(said - theirs) <= own + TOLERANCE
            print(f"  {name}: {count} tensors decoded to equal bits; NLL {said:.6f}, llama.cpp {theirs:.6f}, of the same weights in F32 {plain:.6f}")
            failures += [] if is_good else [name]
    print(f"{len(STAGES) - len(failures)} of {len(STAGES)} files as llama.cpp reads them", *failures, sep="\n  ")
    sys.exit(len(failures) > 0)


if __name__ == "__main__":
    main()
