"""structured.py: which layers, neurons, heads and channels structured pruning keeps, in NumPy and float64, written to structured.json.

Block influence (Men et al., 2024, arXiv:2403.03853), angular distance (Gromov et al., 2024, arXiv:2403.17887), Minitron's activation
scores (Muralidharan et al., 2024, arXiv:2407.14679) and FLAP's fluctuation (An et al., 2023, arXiv:2312.11983) of Llama models on drawn
windows, what stays for given counts, and the mean NLL of the models that are cut so; with FLAP, what goes leaves its mean in biases. Tokens stand in the record: the stream that windows are drawn from, and two windows that losses are of.
    structured.py [--check] [--models DIR] [--smollm2 DIR]
compares with what is recorded instead of writing it; a model whose folder is not there is left as it is recorded, and that is said.
"""
import argparse, json, sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RECORD = HERE / "structured.json"
NEAR = 1e-5  # scores that differ by less, relatively, from the first on the other side of a cut are listed

MODELS = {
    "tiny": {"text": "world", "tokens": 1024, "sample": (8, 64, 3), "layers": (3, 2), "drop": (1, 2), "mlp": (192, 320), "kv": (1,), "model": (96, 64)},
    "babyllama361": {"text": "tinystories", "tokens": 1024, "sample": (8, 64, 3), "layers": (4, 3), "drop": (1, 2), "mlp": (192, 320), "kv": (2, 1), "model": (96, 64)},
    "smollm2": {"text": "wikitext2", "tokens": 512, "sample": (3, 64, 3), "layers": (24, 22), "drop": (6,), "mlp": (768,), "kv": (2,), "model": (432,)},
}


# Windows

def threefry(key, counter):
    """Threefry-2x32 of 20 rounds. Salmon et al., 2011, Parallel random numbers: as easy as 1, 2, 3"""
    mask, turns = 2**32 - 1, (13, 15, 26, 6, 17, 29, 16, 24)
    keys = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    x, y = (counter[0] + keys[0]) & mask, (counter[1] + keys[1]) & mask
    for i in range(20):
        x = (x + y) & mask
        turn = turns[i % 8]
        y = ((y << turn | y >> (32 - turn)) & mask) ^ x
        if i % 4 == 3:
            j = i // 4 + 1
            x, y = (x + keys[j % 3]) & mask, (y + keys[(j + 1) % 3] + j) & mask
    return x, y


def starts(count, length, seed, tokens):
    """Where `count` windows of `length` begin, anywhere in a stream."""
    words = [threefry((seed, 0), (i, 0)) for i in range(count)]
    return [int(((high >> 5) * 2**26 + (low >> 6)) / 2**53 * (tokens - length + 1)) for high, low in words]


def text_ids(folder, path, count):
    """The first tokens of a text: a document a line, each behind the token that begins a text, or one stream."""
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if path.suffix == ".txt":
        return tokenizer.encode(path.read_text()[:20 * count]).ids[:count]
    begin = json.loads((folder / "config.json").read_text())["bos_token_id"]
    ids = []
    for line in path.open():
        if len(ids) >= count:
            break
        ids += [begin, *tokenizer.encode(json.loads(line)["text"], add_special_tokens=False).ids]
    return ids[:count]


# A Llama

def read_safetensors(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    def tensor(of):
        begin, end = of["data_offsets"]
        raw = data[8 + size + begin:8 + size + end]
        return np.frombuffer(raw, {"F32": np.float32, "F16": np.float16}[of["dtype"]]).reshape(of["shape"])
    return {name: tensor(of) for name, of in json.loads(data[8:8 + size]).items() if name != "__metadata__"}


def load(folder):
    """Config and weights; names of a layer's weights end as in the checkpoint."""
    config = json.loads((folder / "config.json").read_text())
    stored = {name: values.astype(np.float64) for name, values in read_safetensors(folder / "model.safetensors").items()}
    layer = lambda i: {name.split(".", 3)[3].removesuffix(".weight"): values for name, values in stored.items() if name.startswith(f"model.layers.{i}.")}
    embed = stored["model.embed_tokens.weight"]
    return {
        "eps": config["rms_norm_eps"],
        "theta": (config.get("rope_parameters") or config)["rope_theta"],
        "head": config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"],
        "group": config["num_attention_heads"] // config["num_key_value_heads"],
        "embed": embed,
        "lm_head": stored.get("lm_head.weight", embed),
        "norm": stored["model.norm.weight"],
        "layers": [layer(i) for i in range(config["num_hidden_layers"])],
    }


def rms_norm(x, gain, eps):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + eps) * gain


def rotate(x, theta):
    """x: [token, …, head], pairs (i, i + head/2)."""
    half = x.shape[-1] // 2
    angle = np.arange(len(x))[:, None] * theta ** (-np.arange(half) / half)
    angle = angle.reshape(len(x), *[1] * (x.ndim - 2), half)
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def block(model, w, x):
    """The output of a block on x [token, model], and what is scored: the outputs of both norms, and the inputs of o and down."""
    head, group, tokens = model["head"], model["group"], len(x)
    a = rms_norm(x, w["input_layernorm"], model["eps"])
    q = rotate((a @ w["self_attn.q_proj"].T).reshape(tokens, -1, group, head), model["theta"])
    k = rotate((a @ w["self_attn.k_proj"].T).reshape(tokens, -1, head), model["theta"])
    v = (a @ w["self_attn.v_proj"].T).reshape(tokens, -1, head)
    score = np.einsum("tkgh,skh->kgts", q, k) / np.sqrt(head)
    score = np.where(np.tri(tokens, dtype=bool), score, -np.inf)
    mixed = np.einsum("kgts,skh->tkgh", softmax(score), v)
    y = x + mixed.reshape(tokens, -1) @ w["self_attn.o_proj"].T + w.get("self_attn.o_proj.bias", 0)
    m = rms_norm(y, w["post_attention_layernorm"], model["eps"])
    gate = m @ w["mlp.gate_proj"].T
    neuron = gate / (1 + np.exp(-gate)) * (m @ w["mlp.up_proj"].T)
    return y + neuron @ w["mlp.down_proj"].T + w.get("mlp.down_proj.bias", 0), {"normed": (a, m), "mixed": mixed, "neuron": neuron}


def states(model, ids):
    """The state that enters each block, and last the one that leaves the last; and what each block scores."""
    x, seen = [model["embed"][ids]], []
    for w in model["layers"]:
        y, scored = block(model, w, x[-1])
        x.append(y)
        seen.append(scored)
    return x, seen


def mean_nll(model, windows):
    losses = []
    for ids in windows:
        x, _ = states(model, ids)
        logits = rms_norm(x[-1], model["norm"], model["eps"]) @ model["lm_head"].T
        p = softmax(logits[:-1])
        losses.append(-np.mean(np.log(p[np.arange(len(ids) - 1), ids[1:]])))
    return float(np.mean(losses))


# Scores

def cosine(a, b):
    return np.sum(a * b, axis=-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))


def scores(model, windows):
    """Block influence of each layer, angular distance by length and start, and Minitron's scores by layer."""
    layers = len(model["layers"])
    cosines, angles = [[] for _ in range(layers)], {}
    squares = [{} for _ in range(layers)]

    def add(layer, name, activation):
        """Mean over tokens of the magnitude, squared and summed over samples."""
        squares[layer][name] = squares[layer].get(name, 0) + np.mean(np.abs(activation), axis=0)**2

    for ids in windows:
        x, seen = states(model, ids)
        for i, scored in enumerate(seen):
            cosines[i].append(cosine(x[i], x[i + 1]))
            add(i, "neuron", scored["neuron"])
            add(i, "mixed", scored["mixed"])
            for name, normed in zip(("before attention", "before mlp"), scored["normed"]):
                add(i, name, normed)
        for n in range(1, layers):
            for start in range(layers - n + 1):
                angle = np.arccos(np.clip(cosine(x[start][-1], x[start + n][-1]), -1, 1)) / np.pi
                angles.setdefault(n, {}).setdefault(start, []).append(angle)
    roots = [{name: np.sqrt(values) for name, values in layer.items()} for layer in squares]
    return {
        "influence": [float(1 - np.mean(np.concatenate(each))) for each in cosines],
        "distance": {n: [float(np.mean(each)) for _, each in sorted(by.items())] for n, by in angles.items()},
        "mlp": [layer["neuron"] for layer in roots],
        "kv": [np.sqrt(np.sum(layer["mixed"]**2, axis=(1, 2))) for layer in roots],
        "model": [sum(layer["before attention"] + layer["before mlp"] for layer in roots)],
    }


def kept(score, count):
    """The positions of the greatest, of equals the later, in their order."""
    order = np.lexsort((np.arange(len(score)), score))
    return np.sort(order[len(score) - count:])


def choice(score, count):
    """What stays as a row of 0 and 1, and which positions are as good as on the other side of the cut."""
    score = np.asarray(score)
    stays = np.zeros(len(score), bool)
    stays[kept(score, count)] = True
    least, most = score[stays].min(), score[~stays].max(initial=-np.inf)
    near = np.where(stays, score - most, least - score) < NEAR * np.abs(least)
    return {"kept": "".join("01"[int(bit)] for bit in stays), "near": np.flatnonzero(near).tolist()}


def fluctuations(model, windows):
    """FLAP's scores by layer, of neurons and of heads, and the means of what is scored."""
    seen = [[] for _ in model["layers"]]
    for ids in windows:
        for layer, scored in zip(seen, states(model, ids)[1]):
            layer.append(scored)
    found = {"mlp": [], "kv": [], "means": []}
    for w, samples in zip(model["layers"], seen):
        neuron, mixed = (np.concatenate([one[name] for one in samples]) for name in ("neuron", "mixed"))
        found["mlp"].append(np.var(neuron, axis=0) * np.sum(w["mlp.down_proj"]**2, axis=0))
        of_lanes = np.sum(w["self_attn.o_proj"]**2, axis=0).reshape(mixed.shape[1:])
        found["kv"].append(np.sum((np.var(mixed, axis=0) * of_lanes)**2, axis=(1, 2)))
        found["means"].append({"mlp.down_proj": np.mean(neuron, axis=0), "self_attn.o_proj": np.mean(mixed, axis=0)})
    return found


# Cuts

def leaving(model, means, mlp=None, kv=None):
    """With what goes in the biases of the layers that read it, before anything goes."""
    def layer(w, mean, i):
        biases = {}
        for name, stays in (("mlp.down_proj", mlp), ("self_attn.o_proj", kv)):
            if stays:
                gone = mean[name].copy()
                gone[stays[i]] = 0
                biases[f"{name}.bias"] = w[name] @ gone.reshape(-1)
        return w | biases
    return {**model, "layers": [layer(w, mean, i) for i, (w, mean) in enumerate(zip(model["layers"], means))]}


def only_layers(model, keep):
    return {**model, "layers": [model["layers"][i] for i in keep]}


def narrowed(model, mlp=None, kv=None, channels=None):
    """Cut by what stays: of neurons and of heads for each layer, of channels for all."""
    rows = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj"}

    def heads(w, name, keep, width):
        by_head = (w[name].T if name == "self_attn.o_proj" else w[name]).reshape(-1, width, w["self_attn.q_proj"].shape[1])
        cut = by_head[keep].reshape(-1, by_head.shape[-1])
        return cut.T if name == "self_attn.o_proj" else cut

    def layer(w, i):
        w = dict(w)
        if kv:
            wide = model["group"] * model["head"]
            for name, width in (("q", wide), ("k", model["head"]), ("v", model["head"]), ("o", wide)):
                w[f"self_attn.{name}_proj"] = heads(w, f"self_attn.{name}_proj", kv[i], width)
        if mlp:
            w |= {"mlp.gate_proj": w["mlp.gate_proj"][mlp[i]], "mlp.up_proj": w["mlp.up_proj"][mlp[i]], "mlp.down_proj": w["mlp.down_proj"][:, mlp[i]]}
        if channels is not None:
            w = {name: values[:, channels] if name in rows else values[channels] for name, values in w.items()}
        return w

    cut = {**model, "layers": [layer(w, i) for i, w in enumerate(model["layers"])]}
    if channels is not None:
        cut |= {name: model[name][..., channels] for name in ("embed", "lm_head", "norm")}
    return cut


def positions(choices):
    return [np.flatnonzero([bit == "1" for bit in one["kept"]]) for one in choices]


def measured(folder, text, spec):
    """All of a model's record."""
    stream, test = [text_ids(folder, next(text.glob(f"{split}.*")), tokens) for split, tokens in (("train", spec["tokens"]), ("test", 128))]
    model = load(folder)
    count, length, seed = spec["sample"]
    at = starts(count, length, seed, len(stream))
    found = scores(model, [np.array(stream[i:i + length]) for i in at])
    windows = np.array(test).reshape(2, -1)
    layers = len(model["layers"])
    influence = [{"layers": n, **choice(found["influence"], n)} for n in spec["layers"]]
    distance = []
    for n in spec["drop"]:
        by_start = found["distance"][n]
        best = int(np.argmin(by_start))
        near = [i for i, d in enumerate(by_start) if i != best and d - by_start[best] < NEAR * by_start[best]]
        rest = [i for i in range(layers) if not best <= i < best + n]
        distance.append({"drop": n, "start": best, "near": near, "nll": mean_nll(only_layers(model, rest), windows)})
    for one in influence:
        one["nll"] = mean_nll(only_layers(model, positions([one])[0]), windows)
    width = {dim: [{"count": n, "choices": [choice(score, n) for score in found[dim]]} for n in spec[dim]] for dim in ("mlp", "kv", "model")}
    for dim, cuts in width.items():
        for cut in cuts:
            by = positions(cut["choices"])
            cut["nll"] = mean_nll(narrowed(model, **({"channels": by[0]} if dim == "model" else {dim: by})), windows)
    fluctuation = fluctuations(model, [np.array(stream[i:i + length]) for i in at])
    flap = {dim: [{"count": n, "choices": [choice(score, n) for score in fluctuation[dim]]} for n in spec[dim]] for dim in ("mlp", "kv")}
    for dim, cuts in flap.items():
        for cut in cuts:
            stays = {dim: positions(cut["choices"])}
            cut["nll"] = mean_nll(narrowed(leaving(model, fluctuation["means"], **stays), **stays), windows)
    mlp, kv, channels = [positions(width[dim][0]["choices"]) for dim in ("mlp", "kv", "model")]
    is_small = layers * model["layers"][0]["mlp.up_proj"].shape[0] < 5000
    return {
        "tokens": stream, "sample": {"count": count, "length": length, "seed": seed}, "starts": at, "test": test,
        "nll": mean_nll(model, windows),
        "scores": {dim: [np.asarray(one).tolist() for one in found[dim]] for dim in ("mlp", "kv", "model") if is_small or dim != "mlp"},
        "influence": {"scores": found["influence"], "cuts": influence},
        "distance": {"scores": {str(n): found["distance"][n] for n in spec["drop"]}, "cuts": distance},
        "width": width,
        "flap": flap,
        "all three": {"nll": mean_nll(narrowed(model, mlp, kv, channels[0]), windows)},
    }


def same(a, b):
    """Equal, numbers to 1e-9 relative."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b))
    return a == b


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--models", type=Path, default=ROOT.parent / "shared/models")
    arguments.add_argument("--texts", type=Path, default=ROOT.parent / "shared/text")
    arguments.add_argument("--smollm2", type=Path)
    given = arguments.parse_args()
    folders = {"tiny": ROOT / "examples/tiny", "babyllama361": given.models / "babyllama361", "smollm2": given.smollm2}
    recorded = json.loads(RECORD.read_text())["models"] if RECORD.exists() else {}
    models, differing, here = {}, [], 0
    for name, spec in MODELS.items():
        text = ROOT / "examples/world" if name == "tiny" else given.texts / spec["text"]
        if folders[name] is None or not (folders[name] / "config.json").exists() or not text.exists():
            print(f"{name}: not here")
            models[name] = recorded.get(name)
            continue
        models[name] = json.loads(json.dumps(measured(folders[name], text, spec)))
        here += 1
        if not same(models[name], recorded.get(name)):
            differing.append(name)
    if given.check:
        print(f"{here - len(differing)} of {here} models as recorded", *differing, sep="\n  ")
        sys.exit(len(differing) > 0)
    rows = ",\n".join(f'    {json.dumps(name)}: {json.dumps(model)}' for name, model in models.items() if model)
    RECORD.write_text(f'{{"models": {{\n{rows}\n}}}}\n')


if __name__ == "__main__":
    main()
