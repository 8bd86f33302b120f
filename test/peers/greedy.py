"""greedy.py: how transformers continues a text greedily with small models of all families, written to greedy.json beside this file.

Models are rows of architectures.py and mixtures.py; windows and scalings of theirs are shorter than the text. Recorded are the ids that
`generate(do_sample=False)` adds in float32. `--check` compares with what is recorded instead of writing.
"""
import tempfile
from pathlib import Path

import torch, transformers

import architectures, mixtures
from config import record, silence

RECORD = Path(__file__).resolve().with_suffix(".json")
PROMPT, COUNT = 11, 40
CONFIGS = {**architectures.FAMILIES, **mixtures.FAMILIES}
NAMES = {f"{family}: as it is" for family in CONFIGS} | {
    "qwen2: a window from a layer on", "gemma2: layer_types mixed", "gemma3: layer_types mixed", "phi3: sliding_window 16", "phi3: longrope, short texts",
    "phi3: partial_rotary_factor", "gpt2: scale_attn_by_inverse_layer_idx", "mixtral: num_experts_per_tok 1"}
ROWS = [row for row in architectures.ROWS + mixtures.ROWS if row["name"] in NAMES]


@torch.no_grad()
def added(row, families, prompt):
    with tempfile.TemporaryDirectory() as name:
        architectures.folder(row, families, Path(name))
        model = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, attn_implementation="eager").eval()
        ids = model.generate(prompt[None], do_sample=False, max_new_tokens=COUNT, eos_token_id=None, attention_mask=torch.ones_like(prompt[None]))[0]
        best = model(ids[None]).logits[0, PROMPT - 1:-1].topk(2).values
    assert (best[:, 0] - best[:, 1]).min() > 1e-4, f"{row['name']} has two tokens that are as likely"
    return {"name": row["name"], "ids": ids[PROMPT:].tolist()}


if __name__ == "__main__":
    silence()
    families, prompt = architectures.families_of(CONFIGS), architectures.drawn(PROMPT)
    record(RECORD, {"prompt": prompt.tolist()}, [added(row, families, prompt) for row in ROWS])
