"""gguf_files.py [LLAMA_CPP]: what llama.cpp's own converter makes of small models, written to gguf_files.json beside this file.

LLAMA_CPP is a copy of llama.cpp; without it the one in the npm package node-llama-cpp is taken, which is fetched. The models are those
of architectures.py and mixtures.py and some of Llama's, with a tokenizer of 96 tokens, and ../../examples/tiny with its own. Recorded of each file are
its header, its size, the sha256 of all of it, what divides frequencies, and the mean NLL that transformers gives for the folder.
`--check` compares with what is recorded instead of writing.
"""
import base64, gzip, hashlib, json, subprocess, sys, tempfile
from pathlib import Path

import numpy as np
import torch, transformers
from safetensors.torch import load_file, save_file

from architectures import FAMILIES, LENGTH, LINEAR, LLAMA3, SIZES, VOCAB, WINDOWS, YARN, longrope, mixed, saved, values
from config import EXAMPLES, figure, record, silence
from mixtures import FAMILIES as MIXTURES

RECORD = Path(__file__).resolve().with_suffix(".json")
PACKAGE = "node-llama-cpp@3.22.1"
TOKENS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}


def llama(**more):
    return transformers.LlamaConfig(**{**SIZES, **TOKENS, **more})


def changed(family, **more):
    config = {**FAMILIES, **MIXTURES}[family]
    return type(config)(**{**config.to_dict(), **TOKENS, **more})


MODELS = {
    "llama": llama(),
    "llama, tied": llama(tie_word_embeddings=True),
    "llama, heads of another size": llama(head_dim=24),
    "llama, biases": llama(attention_bias=True, mlp_bias=True),
    "llama, linear": llama(rope_parameters={**LINEAR, "rope_theta": 10000.0}),
    "llama, yarn": llama(rope_parameters={**YARN, "rope_theta": 10000.0}),
    "llama, llama3": llama(head_dim=64, rope_parameters={**LLAMA3, "rope_theta": 10000.0}),
    "llama, llama3 of few frequencies": llama(max_position_embeddings=131072, rope_parameters={
        **LLAMA3, "factor": 8.0, "original_max_position_embeddings": 8192, "rope_theta": 500000.0}),
    "qwen2": changed("qwen2"),
    "qwen2, yarn": changed("qwen2", rope_parameters={**YARN, "rope_theta": 1000000.0}),
    "qwen3": changed("qwen3"),
    "qwen3, tied, biases": changed("qwen3", attention_bias=True, tie_word_embeddings=True),
    # what GGUF cannot say of a Gemma is as llama.cpp has it
    "gemma3": changed("gemma3", num_hidden_layers=7, layer_types=None, query_pre_attn_scalar=16),
    "gemma3, linear, capped": changed("gemma3", num_hidden_layers=7, layer_types=None, query_pre_attn_scalar=16, final_logit_softcapping=2.0, rope_parameters={
        "full_attention": {**LINEAR, "rope_theta": 50000.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}),
    "gpt2": changed("gpt2"),
    "gemma2": changed("gemma2", query_pre_attn_scalar=16),
    "gemma2, other caps": changed("gemma2", query_pre_attn_scalar=16, attn_logit_softcapping=1.0, final_logit_softcapping=2.0),
    "phi3": changed("phi3"),
    "phi3, tied, a window": changed("phi3", tie_word_embeddings=True, sliding_window=16),
    "phi3, longrope, long texts": changed("phi3", rope_parameters=longrope(4, rope_theta=500.0), original_max_position_embeddings=32),
    "phi3, longrope of a part, short texts": changed("phi3", max_position_embeddings=8192, rope_parameters=longrope(
        3, rope_theta=10000.0, partial_rotary_factor=0.75)),
    "olmo2": changed("olmo2"),
    "olmo2, yarn": changed("olmo2", rope_parameters={**YARN, "rope_theta": 500000.0}),
    "gpt_neox": changed("gpt_neox"),
    "gpt_neox, one after the other": changed("gpt_neox", use_parallel_residual=False, num_attention_heads=2, rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "mixtral": changed("mixtral"),
    "qwen2_moe": changed("qwen2_moe"),
    "qwen3_moe": changed("qwen3_moe", norm_topk_prob=True),
}


def tokenizer():
    """One of bytes, with a token for each character of ASCII but one, and one merge."""
    texts = ["<|endoftext|>", "he", *("Ġ" if code == 32 else chr(code) for code in range(32, 126))]
    assert len(texts) == VOCAB
    part = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": part, "post_processor": None, "decoder": part,
        "added_tokens": [{"id": 0, "content": "<|endoftext|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}],
        "model": {"type": "BPE", "vocab": {text: i for i, text in enumerate(texts)}, "merges": [["h", "e"]]},
    }


def folder(config, root):
    """A model whose weights follow from the names of its tensors; returns their shapes."""
    shapes = saved(config, root)[1]
    if config.model_type == "gpt2":  # written by older versions, and read by the converter
        (root / "config.json").write_text(json.dumps({**json.loads((root / "config.json").read_text()), "n_ctx": config.n_positions}))
    save_file({name: values(name, shape) for name, shape in shapes.items()}, root / "model.safetensors", {"format": "pt"})
    (root / "tokenizer.json").write_text(json.dumps(tokenizer()))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    (root / "tokenizer_config.json").write_text(json.dumps(names))
    return shapes


def converter(place):
    """llama.cpp's modules, from its folder."""
    if not place:
        home = Path(tempfile.mkdtemp())
        packed = subprocess.check_output(["npm", "pack", PACKAGE, "--silent", "--pack-destination", str(home)], text=True).split()[-1]
        subprocess.check_call(["tar", "xzf", str(home / packed), "-C", str(home), "package/llama/gitRelease.bundle"])
        place = home / "llama.cpp"
        subprocess.check_call(["git", "-c", "advice.detachedHead=false", "clone", "--quiet", str(home / "package/llama/gitRelease.bundle"), str(place)])
    sys.path[:0] = [str(Path(place) / "gguf-py"), str(place)]
    import conversion, conversion.base, conversion.gemma, conversion.gptneox, conversion.phi, gguf
    conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"  # it knows the tokenizers of published models alone
    for family in (conversion.gemma.Gemma2Model, conversion.phi.Phi3MiniModel):  # and of these the pieces of SentencePiece
        family.set_vocab = conversion.base.TextModel._set_vocab_gpt2
    neox = conversion.gptneox.GPTNeoXModel
    write = neox.set_gguf_parameters

    def with_older_name(self):  # of a field that transformers has elsewhere
        self.hparams["rotary_pct"] = self.hparams["rope_parameters"]["partial_rotary_factor"]
        write(self)
    neox.set_gguf_parameters = with_older_name
    return conversion, gguf


def convert(modules, root, kind):
    """What is recorded of a GGUF file."""
    conversion, gguf = modules
    path = root / "model.gguf"
    architecture = json.loads((root / "config.json").read_text())["architectures"][0]
    with torch.inference_mode():
        conversion.get_model_class(architecture)(root, gguf.LlamaFileType[kind], path, model_name="model").write()
    data = path.read_bytes()
    reader = gguf.GGUFReader(path)
    packed = gzip.compress(data[:reader.data_offset], mtime=0)
    return {
        "header": base64.b64encode(packed).decode(), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
        "frequencies": {tensor.name: tensor.data.tolist() for tensor in reader.tensors if tensor.name.startswith("rope_")},
    }


def main():
    silence()
    modules = converter(next((arg for arg in sys.argv[1:] if not arg.startswith("-")), None))
    ids = torch.from_numpy(mixed(np.arange(LENGTH * WINDOWS, dtype=np.uint32)).astype(np.int64) % VOCAB).reshape(WINDOWS, LENGTH)
    rows = []
    for name, config in MODELS.items():
        with tempfile.TemporaryDirectory() as place:
            root = Path(place) / "model"
            root.mkdir()
            shapes = folder(config, root)
            rows.append({"name": name, "tensors": shapes, **convert(modules, root, "ALL_F32"), **figure(root, ids)})
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "model"
        root.mkdir()
        for file in (EXAMPLES / "tiny").iterdir():
            (root / file.name).write_bytes(file.read_bytes())
        shapes = {tensor: list(w.shape) for tensor, w in load_file(root / "model.safetensors").items()}
        rows.append({"name": "tiny", "tensors": shapes, **convert(modules, root, "MOSTLY_F16")})
    record(RECORD, {"length": LENGTH, "tokens": ids.flatten().tolist()}, rows)


if __name__ == "__main__":
    main()
