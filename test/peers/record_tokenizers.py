"""record_tokenizers.py [SEED | --check]: small tokenizers of the kinds that models have, hostile texts, and the ids that Hugging Face's library
(Python package tokenizers 0.23.3) gives for them; writes test/tokenizer/ids.json.gz, which test/tokenizer/ids.test.ts reads.
The table for normalisation is made by sentencepiece 0.2. `--check` compares the ids of what is recorded instead."""
import gzip, hashlib, json, os, random, struct, sys, tempfile, unicodedata
from pathlib import Path
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers as N, pre_tokenizers as P, processors, trainers

ROOT = Path(__file__).resolve().parents[2]
SEED = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1] != "--check" else 6
RECORD = ROOT / "test/tokenizer/ids.json.gz"
DOCUMENTS = [json.loads(line)["text"] for line in (ROOT / "examples/world/train.jsonl").open()][:800]
OTHERS = ["Zwei Wörter über ½ Maß, ÀÉÎ õ ñ ß", "数字 12345 と ひらがな カタカナ", "Привет мир", "for (i = 0; i < 10; ++i) {\n\t\treturn x;\n    }\n\n",
          "I'm you're WE'LL he'd", "😀😀 🎉 👩‍👩‍👧‍👦", "a  b   c    d", "1,234,567.89 ²³ Ⅷ"] * 20
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
WORD = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}%s{LOWER}%s{CONTRACTIONS}?"
O200K = "|".join([WORD % ("*", "+"), WORD % ("+", "*"), r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"])
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"


def bytewise(*before, normalizer=None, use_regex=True, prefix=False):
    """A byte-level BPE, with pre-tokenizers before the one of bytes."""
    t = Tokenizer(models.BPE())
    if normalizer: t.normalizer = normalizer
    last = P.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)
    t.pre_tokenizer = P.Sequence([*before, last]) if before else last
    t.train_from_iterator(DOCUMENTS + OTHERS, trainers.BpeTrainer(vocab_size=600, special_tokens=["<|end|>"], initial_alphabet=P.ByteLevel.alphabet(), show_progress=False))
    return t


def split(pattern, behavior="isolated", invert=False, **more):
    return bytewise(P.Split(Regex(pattern), behavior, invert), use_regex=False, **more)


def changed(tokenizer, change):
    definition = json.loads(tokenizer.to_str()); change(definition)
    return Tokenizer.from_str(json.dumps(definition))


def llama3():
    def change(d):
        d["model"]["ignore_merges"] = True
        for token in ("Ġunhappiness", "zebras", "123"): d["model"]["vocab"].setdefault(token, len(d["model"]["vocab"]))
    t = changed(split(LLAMA3), change); t.add_special_tokens(["<|begin|>", "<|eot|>"])
    template = processors.TemplateProcessing(single="<|begin|> $A", pair="$A $B", special_tokens=[("<|begin|>", t.token_to_id("<|begin|>"))])
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return t


def pieces(normalizer, pre_tokenizer, lost=(), **settings):
    """A BPE over characters, as SentencePiece makes it."""
    t = Tokenizer(models.BPE(unk_token="<unk>")); t.normalizer = N.Replace(" ", "▁"); t.pre_tokenizer = P.Metaspace()
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    t.train_from_iterator(DOCUMENTS + OTHERS, trainers.BpeTrainer(vocab_size=800, special_tokens=special, limit_alphabet=200, show_progress=False))
    def change(d):
        d["added_tokens"] = d["added_tokens"][:3]; d["normalizer"] = d["pre_tokenizer"] = None
        d["model"].update({"byte_fallback": True, "fuse_unk": True, **settings})
        for token in lost: d["model"]["vocab"].pop(token)
    t = changed(t, change)
    if normalizer: t.normalizer = normalizer
    if pre_tokenizer: t.pre_tokenizer = pre_tokenizer
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="$A $B", special_tokens=[("<s>", 1)])
    return t


def unigram(normalizer=None, scheme="always", split=True, has_bytes=False):
    t = Tokenizer(models.Unigram()); t.pre_tokenizer = P.Metaspace(prepend_scheme=scheme)
    if normalizer: t.normalizer = normalizer
    special = ["<pad>", "</s>", "<unk>"] + [f"<0x{i:02X}>" for i in range(256)] * has_bytes
    t.train_from_iterator(DOCUMENTS + OTHERS, trainers.UnigramTrainer(vocab_size=500, special_tokens=special, unk_token="<unk>", show_progress=False))
    def change(d): d["added_tokens"] = d["added_tokens"][:3]; d["model"]["byte_fallback"] = has_bytes
    t = changed(t, change); t.pre_tokenizer = P.Metaspace(prepend_scheme=scheme, split=split)
    t.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return t


def charsmap():
    """A small table of replacements, compiled by SentencePiece: the normalizer's field 2 of the model's field 3."""
    rules = [("ﬁ", "fi"), ("½", "1/2"), ("Ⅷ", "VIII"), ("１", "1"), ("\t", " "), ("\u200b", " "), ("e\u0301", "é"), ("\r\n", "\n"), ("\u00ad", ""), ("각", "x"), ("…", "..."), ("\u3000", " ")]
    with tempfile.TemporaryDirectory() as d:
        Path(d, "rules").write_text("".join(" ".join(f"{ord(c):04X}" for c in a) + "\t" + " ".join(f"{ord(c):04X}" for c in b) + "\n" for a, b in rules))
        Path(d, "text").write_text("\n".join(text.replace("\n", " ") for text in DOCUMENTS))
        sentencepiece.SentencePieceTrainer.train(input=f"{d}/text", model_prefix=f"{d}/m", vocab_size=300, normalization_rule_tsv=f"{d}/rules", minloglevel=2, hard_vocab_limit=False)
        return dict(fields(dict(fields(Path(d, "m.model").read_bytes()))[3]))[2]


def fields(data):
    """The fields of a message of protocol buffers; of equal numbers the last counts."""
    at = 0
    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]; at += 1; value |= (byte & 127) << shift; shift += 7
            if byte < 128: return value
    while at < len(data):
        key = number()
        if key & 7 == 0: yield key >> 3, number(); continue
        size = number() if key & 7 == 2 else {5: 4, 1: 8}[key & 7]
        yield key >> 3, data[at:at + size]; at += size


def words(model, trainer, pre_tokenizer, normalizer):
    t = Tokenizer(model); t.pre_tokenizer = pre_tokenizer; t.normalizer = normalizer
    t.train_from_iterator(DOCUMENTS + OTHERS, trainer)
    return t


def added(t):
    t.add_tokens([AddedToken("<|a|>", special=True, normalized=False), AddedToken("<|a|>b", special=True, normalized=False), AddedToken("<L>", lstrip=True, normalized=False),
                  AddedToken("<R>", rstrip=True, normalized=False), AddedToken("<LR>", lstrip=True, rstrip=True, normalized=True), AddedToken("word", single_word=True, normalized=True),
                  AddedToken("new york", normalized=True), AddedToken("é", normalized=True), AddedToken("  x", normalized=False), AddedToken("数字", single_word=True, normalized=False),
                  AddedToken("½", normalized=False), AddedToken("\n\n", normalized=False)])
    return t


OLD = N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")])
KINDS = {
    "llama 2": lambda: pieces(OLD, None),
    "llama 2, only the first": lambda: added(pieces(None, P.Metaspace(prepend_scheme="first", split=False))),
    "llama 2, always": lambda: pieces(None, P.Metaspace(prepend_scheme="always", split=False)),
    "llama 2 without bytes": lambda: pieces(OLD, None, byte_fallback=False, fuse_unk=False),
    "llama 2 without some bytes": lambda: pieces(OLD, None, lost=["<0x80>", "<0xE2>"]),
    "gemma": lambda: pieces(N.Replace(" ", "▁"), P.Split(" ", "merged_with_previous")),
    "gpt 2": lambda: added(bytewise()),
    "gpt 2 with a space": lambda: bytewise(prefix=True),
    "smollm": lambda: bytewise(P.Digits(individual_digits=True)),
    "numbers whole": lambda: bytewise(P.Digits(individual_digits=False)),
    "llama 3": llama3,
    "qwen 2": lambda: split(QWEN2, normalizer=N.NFC()),
    "cl100k": lambda: split(CL100K, normalizer=N.NFD()),
    "o200k": lambda: split(O200K),
    "bloom": lambda: split(BLOOM),
    "merged with previous": lambda: split(r"\s", "merged_with_previous"),
    "merged with next": lambda: split(r"[^a-z]", "merged_with_next", invert=True),
    "contiguous": lambda: split(r"\s|[[:punct:]]", "contiguous"),
    "kept words": lambda: split(r"\w+|[^\w\s]+", "removed", invert=True),
    "t5": lambda: unigram(N.Sequence([N.Precompiled(charsmap()), N.Replace(Regex(" {2,}"), " ")])),
    "unigram, whole": lambda: unigram(N.NFKC(), "first", split=False),
    "unigram with bytes": lambda: added(unigram(N.Sequence([N.NFKD(), N.Lowercase()]), "never", has_bytes=True)),
    "words": lambda: words(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(vocab_size=400, special_tokens=["<unk>"], show_progress=False), P.Whitespace(), N.Sequence([N.Lowercase(), N.Strip()])),
    "word pieces": lambda: words(models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]", "[CLS]"], show_progress=False), P.WhitespaceSplit(), N.NFKC()),
}


def characters(draw, count):
    """Characters of all categories and planes in texts of a hundred; what has no character yet is a category, too."""
    by = {}
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000: by.setdefault((unicodedata.category(chr(code)), code >> 16), []).append(code)
    groups = [draw.sample(codes, len(codes)) for _, codes in sorted(by.items())]
    found = []
    while len(found) < count:
        groups = [codes for codes in groups if codes]
        found += [chr(codes.pop()) for codes in groups]
    draw.shuffle(found)
    return ["".join(c + draw.choice(["", "", " ", "a", "1"]) for c in found[i:i + 100]) for i in range(0, count, 100)]


PARTS = ["'s", "'S", "'ſ", "'ll", "'LL", " 'd", "\r\n", "\n\n", "\t", " ", "  ", "   ", "\u00a0", "\u3000", "\u200b", "\ufeff", "½", "²", "Ⅷ", "٣", "12345", "</s>", "<s>", "<unk>", "<0x0A>",
         "<|a|>", "<|a|>b", "<L>", " <L> ", "<R>  ", "<LR>", "  <LR> ", "word", "words", "a word.", "new york", "e\u0301", "é", "  x", "数字", "数字x", "Σ", "ΟΔΟΣ", "İ", "ß", "ﬁ", "각", "각",
         "👩‍👩‍👧‍👦", "🇩🇪", "▁", "▁▁", " ▁", "<|end|>", "<|begin|>", "\x00", "\x85", "\u2028", "\ud7ff", "\U0010ffff", "the", "unhappiness", " zebras", "Hello, World!", "=====", "\u0301", "ℌ", "①", "\u0345\u0301", "ａ", "¼ cup"]


def hostile(draw, count):
    """Texts of all that tokenizers have trouble with; the last ones are long, or nearly nothing."""
    edges = ["", " ", "  ", "\n", "é", "a" * 2000, "é" * 1000, " " * 800, "\n" * 400, "ab " * 400, "１" * 200, "x" + " " * 200 + "y", "▁" * 300, "ſ" * 50]
    def text():
        out = ""
        for _ in range(draw.choice([1, 2, 3, 5, 8, 20, 60])):
            kind = draw.random()
            if kind < 0.55: out += draw.choice(PARTS)
            elif kind < 0.75: out += draw.choice(draw.choice(DOCUMENTS).split(" ")) + draw.choice([" ", "  ", "\n", ".", ""])
            elif kind < 0.9: out += chr(draw.randrange(32, 127))
            else: out += chr(draw.choice([draw.randrange(0x80, 0x3000), draw.randrange(0x3000, 0xD800), draw.randrange(0x10000, 0x20000)]))
        return out
    return [text() for _ in range(count - len(edges))] + edges


ATOMS = ["a", "b", "c", "1", " ", r"\s", r"\S", r"\d", r"\w", r"\W", r"\p{L}", r"\P{L}", r"\p{N}", "[a-c]", "[^a]", r"[^\s\p{L}]", ".", r"\n", "[a&&[^b]]", "[[:alpha:]1]", "(?:a|b)", "(ab|a)",
         "(?i:a)", "(?i:[sk]|ll)", "é", r"\x41", r"\u00e9", "(?>a|ab)", r"[\w.-]", r"\.", "-", r"[^()|\s]", r"\h", r"\p{Lu}", r"\p{Han}", "{", "}", "]"]
ANCHORS = ["(?=a)", "(?!b)", "(?<=a)", r"(?<!\s)", "^", "$", r"\b", r"\B", r"\A", r"\z", r"\Z"]
QUANTIFIERS = ["", "", "", "", "", "*", "+", "?", "*?", "+?", "??", "++", "*+", "?+", "{2}", "{1,2}", "{,2}", "{2,}", "{1,2}?", "{1,2}+"]


def pattern(draw, depth=0):
    """A regular expression at random."""
    out = ""
    for _ in range(draw.randint(1, 4)):
        atom = draw.choice(ANCHORS) if draw.random() < 0.2 else f"(?:{pattern(draw, depth + 1)})" if depth < 2 and draw.random() < 0.2 else draw.choice(ATOMS)
        out += atom + (draw.choice(QUANTIFIERS) if atom not in ANCHORS else "")
    return out + ("|" + pattern(draw, depth + 1) if draw.random() < 0.3 else "")


def splits(draw, count):
    """How patterns at random split texts at random."""
    found = []
    while len(found) < count:
        expression = pattern(draw)
        try: compiled = Regex(expression)
        except Exception: continue
        behavior = draw.choice(["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]); inverted = draw.random() < 0.2
        splitter = P.Split(compiled, {"MergedWithPrevious": "merged_with_previous", "MergedWithNext": "merged_with_next"}.get(behavior, behavior.lower()), inverted)
        texts = ["".join(draw.choice("aabbcc1 2\n.AéßſKs-_(){}]½中\u0301\r") for _ in range(draw.randint(1, 14))) for _ in range(4)]
        found.append([expression, behavior, inverted, [[text, [piece for piece, _ in splitter.pre_tokenize_str(text)]] for text in texts]])
    return found


def main():
    draw = random.Random(SEED)
    texts = characters(draw, 20000) + hostile(draw, 200)
    kinds = {}
    for name, make in KINDS.items():
        tokenizer = Tokenizer.from_str(make().to_str())
        kinds[name] = {"definition": json.loads(tokenizer.to_str()), "hashes": hashes(tokenizer, texts)}
    data = json.dumps({"seed": SEED, "texts": texts, "kinds": kinds, "splits": splits(draw, 800)}, ensure_ascii=True, separators=(",", ":")).encode()
    RECORD.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"seed {SEED}: {len(texts)} texts, {len(kinds)} tokenizers, {RECORD.stat().st_size} bytes")


def hashes(tokenizer, texts):
    ids = (tokenizer.encode(text).ids for text in texts)
    return "".join(hashlib.md5(",".join(map(str, of)).encode()).hexdigest()[:6] for of in ids)


def check():
    """Whether the recorded tokenizers give the recorded ids."""
    record = json.loads(gzip.decompress(RECORD.read_bytes()))
    differing = [name for name, kind in record["kinds"].items() if hashes(Tokenizer.from_str(json.dumps(kind["definition"])), record["texts"]) != kind["hashes"]]
    print(f"{len(record['kinds']) - len(differing)} of {len(record['kinds'])} tokenizers as recorded", *differing, sep="\n  ")
    sys.exit(len(differing) > 0)


if __name__ == "__main__": check() if "--check" in sys.argv else main()
