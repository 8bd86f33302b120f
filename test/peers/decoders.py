"""decoders.py: what Hugging Face's library (Python package tokenizers) makes of the texts of tokens, by decoders of all kinds that it has; writes
decoders.json beside this file. `--check` compares with what is recorded instead."""
import json, random, sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders as D, models

RECORD = Path(__file__).resolve().with_suffix(".json")
PIECES = [D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)]
DECODERS = {
    "bytes": D.ByteLevel(), "pieces": D.Sequence(PIECES), "pieces as they are": D.Sequence(PIECES[:3]), "marks": D.Metaspace(),
    "marks, only the first": D.Metaspace(prepend_scheme="first"), "marks, never": D.Metaspace("a", "never"), "word pieces": D.WordPiece(),
    "word pieces as they are": D.WordPiece("▁", False), "words with ends": D.BPEDecoder(), "other ends": D.BPEDecoder("e"),
    "a pattern": D.Replace(Regex("[aeiou]+"), "-"), "none": None}
TOKENS = ["▁", "▁▁", "a", "the", "▁the", "Ġ", "Ġthe", "ĊĊ", "Ã", "©", "Ã©", "ðŁĺ", "Ģ", "é", "€", "##ing", "##", "a</w>", "</w>", ".", "!", "'", "n't", "'s", " do not", "",
          "<0xE2>", "<0x82>", "<0xAC>", "<0x0a>", "<0xff>", "<0xC3>", "<0xG0>", "<0x0>", "ï»¿", "<0xEF>", "<0xBB>", "<0xBF>", "å", "¤", "▁é▁", "  a  "]


def texts(decoder, lists):
    if decoder is not None: return [decoder.decode(tokens) for tokens in lists]
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(TOKENS)}, unk_token=""))
    return [tokenizer.decode([TOKENS.index(token) for token in tokens]) for tokens in lists]


def main():
    draw = random.Random(4)
    lists = [[], *[[token] for token in TOKENS], *[[draw.choice(TOKENS) for _ in range(draw.randint(2, 9))] for _ in range(150)]]
    rows = {name: {"decoder": decoder and json.loads(decoder.__getstate__()), "texts": texts(decoder, lists)} for name, decoder in DECODERS.items()}
    data = {"lists": lists, "decoders": rows}
    if "--check" not in sys.argv:
        RECORD.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")
        return
    same = json.loads(RECORD.read_text()) == json.loads(json.dumps(data))
    print(f"{len(rows)} decoders {'as recorded' if same else 'differ'}")
    sys.exit(not same)


if __name__ == "__main__": main()
