"""tokenizer_class.py: token ids by what the files beside tokenizer.json say, and the texts of such ids, as transformers makes them; writes
tokenizer_class.json.

Each row is a tokenizer (of ../../examples/tiny, with numerals by themselves, or a small one of pieces) and entries of the files
beside it. Recorded are the ids of a few texts without special tokens, what stands around an empty one, and the texts of these ids. `--check` compares.
"""
import json, logging, sys, tempfile, warnings
from pathlib import Path

import transformers

HERE = Path(__file__).resolve().parent
RECORD = HERE / "tokenizer_class.json"
TEXTS = ["Once upon a time, there was a cat.", "  two spaces\n\nlines\t tab ", "in 2023, 12345 ½ ⁴Ⅷ", "we'll THEY'RE",
         "naïve cafe\u0301 ﬁ", "the<|end|> the </s> <s>x they", "", "▁x ▁ y", "a <|im_start|> b[PAD] c<|endoftext|>he"]


def tiny():
    return json.loads((HERE.parent.parent / "examples/tiny/tokenizer.json").read_text())


def digits():
    definition = tiny()
    digit = {"type": "Digits", "individual_digits": True}
    definition["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [digit, definition["pre_tokenizer"]]}
    return definition


def pieces():
    """As SentencePiece makes them, with a normalizer that marks spaces before each piece between special tokens."""
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    merges = [["▁", "t"], ["h", "e"], ["▁t", "he"], ["▁", "a"], ["▁", "▁"], ["e", "r"], ["o", "n"]]
    vocab = {token: i for i, token in enumerate([*special, *"▁ abcdehilmnoprstuvwxy.,", *map("".join, merges)])}
    added = [{"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for i, token in enumerate(special[:3])]
    parts = [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
            "normalizer": {"type": "Sequence", "normalizers": parts}, "pre_tokenizer": None, "decoder": None, "post_processor": None,
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": True, "byte_fallback": True, "ignore_merges": False, "vocab": vocab, "merges": merges}}


def around(definition, before, after=()):
    """With special tokens around each text."""
    vocab, text = definition["model"]["vocab"], {"Sequence": {"id": "A", "type_id": 0}}
    single = [text if token is None else {"SpecialToken": {"id": token, "type_id": 0}} for token in (*before, None, *after)]
    special = {token: {"id": token, "ids": [vocab[token]], "tokens": [token]} for token in (*before, *after)}
    return {**definition, "post_processor": {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special}}


DEFINITIONS = {"tiny": tiny(), "digits": digits(), "pieces": pieces(), "opened": around(tiny(), ["<|end|>"]),
               "enclosed": around(pieces(), ["<s>"], ["</s>"]),
               "stripped": {**pieces(), "normalizer": {"type": "Strip", "strip_left": True, "strip_right": False},
                            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}}}
SPECIAL = {"tiny": {"bos_token": "<|end|>", "eos_token": "<|end|>"}, "pieces": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}}
SPECIAL["digits"] = SPECIAL["opened"] = SPECIAL["tiny"]
SPECIAL["enclosed"] = SPECIAL["stripped"] = SPECIAL["pieces"]


def row(name, of, settings=None, config=None, files=None):
    return {"name": name, "of": of, "settings": settings or {}, "config": config or {}, "files": files or {}}


def token(content, **more):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **more}


def classed(name):
    return {} if name is None else {"tokenizer_class": name}


def unknown(of):
    """Pieces have their own."""
    return {} if of == "pieces" else {"unk_token": "<|end|>"}


CLASSES = ["GPT2Tokenizer", "Qwen2Tokenizer", "GPTNeoXTokenizer", "CohereTokenizer", "CodeLlamaTokenizer", "LlamaTokenizer",
           "PreTrainedTokenizerFast", "TokenizersBackend", "BloomTokenizerFast", None]
ROWS = [
    *[row(f"{of}: {name}", of, {"tokenizer_class": name}) for name in CLASSES for of in ("tiny", "digits", "pieces")
      if (of, name) not in (("tiny", "CodeLlamaTokenizer"), ("digits", "CodeLlamaTokenizer"))],
    *[row(f"{of}: {name}, as fast, a prefix", of, {"tokenizer_class": f"{name}Fast", "add_prefix_space": True})
      for name in CLASSES[:6] for of in ("digits", "pieces") if (of, name) != ("digits", "CodeLlamaTokenizer")],
    *[row(f"{of}: {name} of {kind}", of, {**classed(name), **unknown(of)}, {"model_type": kind})
      for kind in ("gpt2", "gpt_neox", "qwen2", "qwen3", "qwen3_moe", "gemma2", "gemma3_text", "olmo", "olmo2", "phi3", "mixtral", "llama")
      for name in (None, "PreTrainedTokenizerFast", "LlamaTokenizerFast", "GPT2Tokenizer", "GemmaTokenizer")
      for of in ("digits", "pieces", "opened")],
    *[row(f"enclosed: {name}", "enclosed", {"tokenizer_class": name}) for name in ("CodeLlamaTokenizer", "LlamaTokenizer", "GemmaTokenizer")],
    row("enclosed: CodeLlamaTokenizer, the end", "enclosed", {"tokenizer_class": "CodeLlamaTokenizer", "add_bos_token": False, "add_eos_token": True}),
    row("stripped: a mark only before what was at the beginning", "stripped"),
    row("digits: of a Mistral model", "digits", {"tokenizer_class": "GPT2Tokenizer"}, {"model_type": "mistral"}),
    row("pieces: of a Mistral model", "pieces", {"tokenizer_class": "LlamaTokenizer"}, {"model_type": "mistral"}),
    row("digits: the class in config.json", "digits", {}, {"tokenizer_class": "GPT2Tokenizer"}),
    row("pieces: legacy", "pieces", {"tokenizer_class": "LlamaTokenizer", "legacy": True}),
    row("pieces: no prefix", "pieces", {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": False}),
    row("tiny: additional special tokens", "tiny", {"additional_special_tokens": ["he", "<|im_start|>"]}),
    row("tiny: extra special tokens", "tiny", {"extra_special_tokens": ["he", "<|im_start|>"]}),
    row("tiny: extra special tokens by name", "tiny", {"extra_special_tokens": {"own_token": "he"}}),
    row("tiny: new special tokens", "tiny", {"pad_token": "[PAD]", "unk_token": "<|endoftext|>", "extra_special_tokens": ["<|im_start|>"]}),
    row("tiny: a new token that takes spaces", "tiny", {"pad_token": {"__type": "AddedToken", **token("[PAD]", rstrip=True)}}),
    row("tiny: added_tokens_decoder", "tiny", {"added_tokens_decoder": {"0": token("<|end|>", rstrip=True), "1024": token("<|im_start|>", lstrip=True)}}),
    row("tiny: added_tokens_decoder, another id", "tiny", {"added_tokens_decoder": {"1028": token("[PAD]", special=False, normalized=True)}}),
    row("pieces: added_tokens_decoder", "pieces", {"tokenizer_class": "LlamaTokenizer", "added_tokens_decoder": {"1": token("<s>")}}),
    row("tiny: special_tokens_map.json", "tiny", {}, files={"special_tokens_map.json": {"pad_token": "[PAD]", "additional_special_tokens": ["he"]}}),
    row("tiny: special_tokens_map.json beside added_tokens_decoder", "tiny", {"added_tokens_decoder": {"0": token("<|end|>")}},
        files={"special_tokens_map.json": {"pad_token": "[PAD]"}}),
    row("tiny: added_tokens.json", "tiny", {}, files={"added_tokens.json": {"<|im_start|>": 1025, "[PAD]": 1024}}),
    row("tiny: special tokens are split", "tiny", {"split_special_tokens": True}),
]


def result(root, given):
    (root / "config.json").write_text(json.dumps({"model_type": "llama", "vocab_size": 1040, **given["config"]}))
    (root / "tokenizer.json").write_text(json.dumps(DEFINITIONS[given["of"]]))
    (root / "tokenizer_config.json").write_text(json.dumps({**SPECIAL[given["of"]], **given["settings"]}))
    for name, content in given["files"].items():
        (root / name).write_text(json.dumps(content))
    tokenizer = transformers.AutoTokenizer.from_pretrained(root)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
    return {"around": tokenizer("")["input_ids"], "ids": ids, "decoded": [tokenizer.decode(of, skip_special_tokens=True) for of in ids]}


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    rows = []
    for given in ROWS:
        with tempfile.TemporaryDirectory() as root:
            rows.append({**given, **result(Path(root), given)})
    if "--check" not in sys.argv:
        lines = ",\n".join("    " + json.dumps(each, ensure_ascii=False) for each in rows)
        head = json.dumps({"version": transformers.__version__, "texts": TEXTS, "special": SPECIAL, "pieces": DEFINITIONS["pieces"],
                           **{name: DEFINITIONS[name]["post_processor"] for name in ("opened", "enclosed")},
                           "stripped": {part: DEFINITIONS["stripped"][part] for part in ("normalizer", "pre_tokenizer")}}, ensure_ascii=False)
        RECORD.write_text(f'{head[:-1]}, "rows": [\n{lines}\n]}}\n')
        return
    recorded = {each["name"]: each for each in json.loads(RECORD.read_text())["rows"]}
    differing = [each["name"] for each in rows if each != recorded.get(each["name"])]
    print(f"{len(rows) - len(differing)} of {len(rows)} rows as recorded", *differing, sep="\n  ")
    sys.exit(len(differing) > 0)


if __name__ == "__main__":
    main()
