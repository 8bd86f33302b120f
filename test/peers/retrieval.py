"""retrieval.py: facts in long contexts, and what transformers answers, written to retrieval.json beside this file.

The first items of ../../examples/world/lookup.jsonl stand among the sentences of ../../examples/world/test.jsonl: of each length and
depth, the tokens before the choices, with the tokenizer of ../../examples/tiny, and how many items have the right choice as the likeliest.
`--check` compares with what is recorded instead of writing.
"""
import json, re
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from config import EXAMPLES, record, silence

RECORD = Path(__file__).resolve().with_suffix(".json")
FIRST, LENGTHS, DEPTHS = 6, [48, 96], [0, 0.5, 1]


def lines(name):
    return [json.loads(line) for line in (EXAMPLES / "world" / name).read_text().splitlines()]


def context(item, sentences, end, depth, room, tokens_of):
    """The fact among the fewest sentences up to `end` that fill `room` tokens; the first one loses what is too much."""
    def whole(some, place):
        return tokens_of(item["before"] + " ".join([*some[:place], item["fact"], *some[place:]]) + item["query"])

    missing = room - len(whole([], 0))
    count = next(n for n in range(len(sentences)) if len(whole(picked(sentences, end, n), n)) >= room)
    some = picked(sentences, end, count)
    surplus = len(whole(some, count)) - room
    start = len(tokens_of(item["before"].rstrip()))
    depths = [0] + [len(tokens_of(item["before"] + " ".join(some[:n]))) - start - surplus for n in range(1, count + 1)]
    place = min(range(count + 1), key=lambda n: (abs(depths[n] - depth * missing), n))
    ids = whole(some, place)
    head = item["before"].rstrip() if place else item["before"] + item["fact"]
    start = len(tokens_of(head))
    return ids[:start] + ids[start + len(ids) - room :]


def picked(sentences, end, count):
    return [sentences[place % len(sentences)] for place in range(end - count, end)]


def likelihood(model, prompt, choice):
    with torch.no_grad():
        log_p = torch.log_softmax(model(torch.tensor([prompt + choice])).logits[0].double(), -1)
    return sum(log_p[len(prompt) - 1 + i, token].item() for i, token in enumerate(choice))


def main():
    silence()
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(EXAMPLES / "tiny")
    model = AutoModelForCausalLM.from_pretrained(EXAMPLES / "tiny", dtype=torch.float32).eval()
    sentences = [one for line in lines("test.jsonl") for one in re.split(r"(?<=[.?!])\s+", line["text"].strip())]
    items = lines("lookup.jsonl")[:FIRST]

    def tokens_of(text):
        return [0] + tokenizer(text, add_special_tokens=False)["input_ids"]

    found = []
    for length in LENGTHS:
        for depth in DEPTHS:
            right, prompts = 0, []
            for i, item in enumerate(items):
                query = item["fact"] + item["query"]
                ends = [tokens_of(query + choice)[len(tokens_of(query)) :] for choice in item["choices"]]
                end = (i + 1) * len(sentences) // len(items)
                prompt = context(item, sentences, end, depth, length - max(map(len, ends)), tokens_of)
                scores = [likelihood(model, prompt, choice) for choice in ends]
                right += scores.index(max(scores)) == item["answer"]
                prompts.append(prompt)
            name = f"{length} tokens, {depth:.0%}"
            found.append({"name": name, "length": length, "depth": depth, "right": right, "prompts": prompts})
    record(RECORD, {"first": FIRST}, found)


main()
