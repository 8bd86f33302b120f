"""config.py: what transformers makes of a config.json, row by row, written to config.json beside this file.

Each row is a variant of ../../examples/tiny (Llama, or the same weights as a Mistral): fields of config.json changed or dropped,
tensors changed. Recorded are the mean NLL of four windows of 128 tokens (float32, eager attention), or that transformers raises,
or that it fills in random weights. `--check` compares with what is recorded instead of writing.
"""
import json, logging, sys, tempfile, warnings
from pathlib import Path

import torch, transformers
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
RECORD = HERE / "config.json"
LENGTH, WINDOWS = 128, 4

EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"
MISTRAL = {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": None}
ROPE = {"rope_type": "default", "rope_theta": 10000.0}


def biases(count):
    return torch.tensor([(j * 37 % 11 - 5) / 50 for j in range(count)], dtype=torch.float32)


def biased(tensors, part):
    """A bias for each linear layer of that part of a block."""
    return {**tensors, **{k.replace(".weight", ".bias"): biases(len(v)) for k, v in tensors.items() if f".{part}." in k}}


TENSORS = {
    "as they are": lambda t: t,
    "another head": lambda t: {**t, HEAD: t[EMBED].float() * 1.25},
    "the same head": lambda t: {**t, HEAD: t[EMBED].clone()},
    "only the head": lambda t: {HEAD if k == EMBED else k: v for k, v in t.items()},
    "attention biases": lambda t: biased(t, "self_attn"),
    "mlp biases": lambda t: biased(t, "mlp"),
    "a bias of the head": lambda t: {**t, "lm_head.bias": biases(len(t[EMBED]))},
    "no prefix": lambda t: {k.removeprefix("model."): v for k, v in t.items()},
    "a prefix of a compiled model": lambda t: {f"_orig_mod.{k}": v for k, v in t.items()},
    "double precision": lambda t: {k: v.double() for k, v in t.items()},
    "rotary buffers": lambda t: {
        **t, "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(16), "model.rotary_emb.inv_freq": torch.ones(16)},
    "scales": lambda t: {**t, **{k.replace(".weight", ".weight_scale"): torch.ones(len(v), 1) for k, v in t.items() if "_proj" in k}},
}


def llama(name, config=None, drop=(), tensors="as they are"):
    return {"name": f"llama: {name}", "config": config or {}, "drop": list(drop), "tensors": tensors}


def mistral(name, config=None, drop=(), tensors="as they are"):
    return {"name": f"mistral: {name}", "config": {**MISTRAL, **(config or {})}, "drop": list(drop), "tensors": tensors}


def scaled(kind, **more):
    return {"rope_scaling": {"rope_type": kind, **more}}


LLAMA3 = {"factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
YARN = {"factor": 4.0, "original_max_position_embeddings": 64}

ROWS = [
    llama("as it is"),
    # What the model is
    llama("no architectures", drop=["architectures"]),
    llama("architectures null", {"architectures": None}),
    llama("the inner model", {"architectures": ["LlamaModel"]}),
    llama("no model_type", drop=["model_type"]),
    llama("neither", drop=["architectures", "model_type"]),
    llama("an unknown architecture", {"architectures": ["OtherForCausalLM"]}),
    llama("an unknown model_type", {"model_type": "other"}),
    llama("model_type mistral", {"model_type": "mistral", "sliding_window": 32}),
    llama("architectures a text", {"architectures": "LlamaForCausalLM"}),
    llama("architectures empty", {"architectures": []}),
    llama("a classifier", {"architectures": ["LlamaForSequenceClassification"]}),
    llama("code of its own", {"auto_map": {"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}}),
    # Sizes
    llama("head_dim missing", drop=["head_dim"]),
    llama("head_dim null", {"head_dim": None}),
    llama("head_dim wrong", {"head_dim": 16}),
    llama("head_dim a text", {"head_dim": "32"}),
    llama("num_key_value_heads missing", drop=["num_key_value_heads"]),
    llama("num_key_value_heads null", {"num_key_value_heads": None}),
    llama("num_key_value_heads 0", {"num_key_value_heads": 0}),
    llama("num_key_value_heads 3", {"num_key_value_heads": 3}),
    llama("num_attention_heads missing", drop=["num_attention_heads"]),
    llama("num_hidden_layers 3", {"num_hidden_layers": 3}),
    llama("num_hidden_layers 5", {"num_hidden_layers": 5}),
    llama("num_hidden_layers 4.0", {"num_hidden_layers": 4.0}),
    llama("num_hidden_layers a text", {"num_hidden_layers": "4"}),
    llama("num_hidden_layers true", {"num_hidden_layers": True}),
    llama("hidden_size missing", drop=["hidden_size"]),
    llama("hidden_size null", {"hidden_size": None}),
    llama("intermediate_size missing", drop=["intermediate_size"]),
    llama("vocab_size missing", drop=["vocab_size"]),
    llama("vocab_size smaller", {"vocab_size": 1000}),
    llama("vocab_size larger", {"vocab_size": 1032}),
    llama("max_position_embeddings missing", drop=["max_position_embeddings"]),
    llama("max_position_embeddings null", {"max_position_embeddings": None}),
    llama("max_position_embeddings below the window", {"max_position_embeddings": 64}),
    # Norms and activations
    llama("rms_norm_eps missing", drop=["rms_norm_eps"]),
    llama("rms_norm_eps null", {"rms_norm_eps": None}),
    llama("rms_norm_eps 0.1", {"rms_norm_eps": 0.1}),
    llama("rms_norm_eps a text", {"rms_norm_eps": "1e-5"}),
    llama("rms_norm_eps 1.0", {"rms_norm_eps": 1.0}),
    llama("rms_norm_eps 1, a whole number", {"rms_norm_eps": 1}),
    llama("hidden_act missing", drop=["hidden_act"]),
    llama("hidden_act null", {"hidden_act": None}),
    *[llama(f"hidden_act {act}", {"hidden_act": act}) for act in (
        "swish", "relu", "relu2", "relu6", "tanh", "sigmoid", "linear", "quick_gelu", "gelu", "gelu_new", "gelu_fast",
        "gelu_pytorch_tanh", "gelu_python", "mish", "leaky_relu", "hardswish", "SiLU", "unheard")],
    llama("hidden_activation beside it", {"hidden_activation": "relu"}),
    # Biases
    llama("attention_bias true", {"attention_bias": True}, tensors="attention biases"),
    llama("mlp_bias true", {"mlp_bias": True}, tensors="mlp biases"),
    llama("attention biases left over", tensors="attention biases"),
    llama("attention biases left over, nothing said", drop=["attention_bias", "mlp_bias"], tensors="attention biases"),
    llama("mlp biases left over", tensors="mlp biases"),
    llama("a bias of the head left over", tensors="a bias of the head"),
    llama("attention_bias true, none stored", {"attention_bias": True}),
    llama("attention_bias null", {"attention_bias": None}),
    llama("attention_bias 1", {"attention_bias": 1}, tensors="attention biases"),
    llama("attention_bias a text", {"attention_bias": "false"}),
    # The head
    llama("tied, another head is stored", tensors="another head"),
    llama("tied, the same head is stored", tensors="the same head"),
    llama("tied, only the head is stored", tensors="only the head"),
    llama("not tied, a head is stored", {"tie_word_embeddings": False}, tensors="another head"),
    llama("not tied, no head is stored", {"tie_word_embeddings": False}),
    llama("not tied, only the head is stored", {"tie_word_embeddings": False}, tensors="only the head"),
    llama("nothing said, a head is stored", drop=["tie_word_embeddings"], tensors="another head"),
    llama("nothing said, no head is stored", drop=["tie_word_embeddings"]),
    llama("tie_word_embeddings null, a head is stored", {"tie_word_embeddings": None}, tensors="another head"),
    llama("tie_word_embeddings 1", {"tie_word_embeddings": 1}),
    llama("tie_word_embeddings a text", {"tie_word_embeddings": "true"}),
    # Windows
    llama("a window left over", {"sliding_window": 32}),
    llama("a window left over, in use", {"sliding_window": 32, "use_sliding_window": True}),
    llama("layer_types left over", {"sliding_window": 32, "layer_types": ["sliding_attention"] * 4}),
    # Rotary positions
    llama("rope_theta missing", drop=["rope_theta"]),
    llama("rope_theta null", {"rope_theta": None}),
    llama("rope_theta 500000", {"rope_theta": 500000.0}),
    llama("rope_theta a whole number", {"rope_theta": 500000}),
    llama("rope_theta a text", {"rope_theta": "10000"}),
    llama("rope_theta nested", {"rope_parameters": {**ROPE, "rope_theta": 500000.0}}, drop=["rope_theta"]),
    llama("rope_theta nested and outside", {"rope_parameters": {**ROPE, "rope_theta": 500000.0}}),
    llama("rope_theta outside, parameters without", {"rope_theta": 500000.0, "rope_parameters": {"rope_type": "default"}}),
    llama("rope_theta nested null", {"rope_parameters": {"rope_type": "default", "rope_theta": None}}),
    llama("rope_parameters null", {"rope_parameters": None}),
    llama("rope_parameters empty", {"rope_parameters": {}}),
    llama("rope_parameters a text", {"rope_parameters": "default"}),
    llama("rope_parameters a list", {"rope_parameters": [{"rope_type": "linear", "factor": 2.0}]}),
    llama("rope_theta a list", {"rope_theta": [10000.0]}),
    llama("intermediate_size a list", {"intermediate_size": [384, 384, 384, 384]}),
    llama("num_attention_heads 3", {"num_attention_heads": 3}),
    llama("rope_parameters by kind of layer", {"rope_parameters": {"full_attention": {**ROPE, "rope_theta": 500000.0}}}, drop=["rope_theta"]),
    llama("rope_scaling null", {"rope_scaling": None}),
    llama("rope_scaling empty beside parameters", {"rope_scaling": {}, "rope_parameters": {**ROPE, "rope_theta": 500000.0}}),
    llama("rope_scaling beside parameters", {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": {**ROPE, "rope_theta": 500000.0}}),
    llama("rope_scaling with its own theta", {"rope_scaling": {"type": "linear", "factor": 2.0, "rope_theta": 500000.0}}),
    llama("rope_scaling a text", {"rope_scaling": "linear"}),
    llama("rope_scaling by type", {"rope_scaling": {"type": "linear", "factor": 2.0}}),
    llama("rope_scaling by both, which differ", {"rope_scaling": {"type": "dynamic", "rope_type": "linear", "factor": 2.0}}),
    llama("linear", scaled("linear", factor=2.0)),
    llama("linear without a factor", scaled("linear")),
    llama("linear, a factor below 1", scaled("linear", factor=0.5)),
    llama("linear, nested", {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 500000.0}}),
    llama("dynamic, within the context", scaled("dynamic", factor=2.0)),
    llama("dynamic, beyond the context", {**scaled("dynamic", factor=2.0), "max_position_embeddings": 64}),
    llama("llama3", scaled("llama3", **LLAMA3)),
    llama("llama3, nested", {"rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3}}, drop=["rope_theta"]),
    llama("llama3, original context of the model", scaled("llama3", **{k: v for k, v in LLAMA3.items() if k[0] != "o"})),
    llama("llama3, original context outside", {**scaled("llama3", **LLAMA3), "original_max_position_embeddings": 256}),
    llama("llama3 without low_freq_factor", scaled("llama3", **{k: v for k, v in LLAMA3.items() if k[0] != "l"})),
    llama("llama3 without factor", scaled("llama3", **{k: v for k, v in LLAMA3.items() if k != "factor"})),
    llama("llama3 with equal bounds", scaled("llama3", **{**LLAMA3, "high_freq_factor": 1.0})),
    llama("yarn", scaled("yarn", **YARN)),
    llama("yarn, attention_factor", scaled("yarn", **YARN, attention_factor=0.9)),
    llama("yarn, mscale", scaled("yarn", **YARN, mscale=0.7, mscale_all_dim=1.2)),
    llama("yarn, mscale alone", scaled("yarn", **YARN, mscale=0.7)),
    llama("yarn, mscale 0", scaled("yarn", **YARN, mscale=0, mscale_all_dim=1.0)),
    llama("yarn, betas", scaled("yarn", **YARN, beta_fast=16, beta_slow=2)),
    llama("yarn, not truncated", scaled("yarn", **YARN, truncate=False)),
    llama("yarn, factor null", scaled("yarn", **{**YARN, "factor": None})),
    llama("yarn, original context of the model", scaled("yarn", factor=4.0)),
    llama("yarn without factor", scaled("yarn", original_max_position_embeddings=64)),
    llama("yarn, truncate null", scaled("yarn", **YARN, truncate=None)),
    llama("yarn, betas 0", scaled("yarn", **YARN, beta_fast=0, beta_slow=0)),
    llama("yarn, betas and attention_factor null", scaled("yarn", **YARN, beta_fast=None, beta_slow=None, attention_factor=None)),
    llama("yarn, attention_factor 0", scaled("yarn", **YARN, attention_factor=0.0)),
    llama("yarn, attention_factor a text", scaled("yarn", **YARN, attention_factor="1")),
    llama("yarn, factor 1", scaled("yarn", **{**YARN, "factor": 1.0})),
    llama("yarn, original context outside", {**scaled("yarn", **YARN), "original_max_position_embeddings": 256}),
    llama("yarn, original context outside null", {**scaled("yarn", **YARN), "original_max_position_embeddings": None}),
    llama("yarn, theta within", scaled("yarn", **YARN, rope_theta=500000.0)),
    llama("rope_type null", {"rope_scaling": {"rope_type": None, "type": "linear", "factor": 2.0}}),
    llama("type null", {"rope_scaling": {"type": None, "factor": 2.0}}),
    llama("rope_type default with a factor", scaled("default", factor=2.0)),
    llama("linear, factor a text", scaled("linear", factor="2")),
    llama("linear, factor null", scaled("linear", factor=None)),
    llama("partial_rotary_factor 1", {"partial_rotary_factor": 1.0}),
    llama("partial_rotary_factor null", {"partial_rotary_factor": None}),
    llama("rope_theta true", {"rope_theta": True}),
    llama("longrope", scaled("longrope", short_factor=[1.0] * 16, long_factor=[2.0] * 16, original_max_position_embeddings=64)),
    llama("proportional", scaled("proportional", factor=2.0, partial_rotary_factor=0.5)),
    llama("su", scaled("su", short_factor=[1.0] * 16, long_factor=[2.0] * 16)),
    llama("mrope", scaled("mrope", mrope_section=[4, 6, 6])),
    llama("partial_rotary_factor", {"partial_rotary_factor": 0.5}),
    llama("partial_rotary_factor with linear", {**scaled("linear", factor=2.0), "partial_rotary_factor": 0.5}),
    # What changes nothing
    llama("pretraining_tp 2", {"pretraining_tp": 2}),
    llama("torch_dtype bfloat16", {"torch_dtype": "bfloat16"}),
    llama("attention_dropout 0.5", {"attention_dropout": 0.5}),
    llama("use_cache false", {"use_cache": False}),
    llama("text_config beside it", {"text_config": {"hidden_size": 64}}),
    llama("text_config null", {"text_config": None}),
    llama("is_causal true", {"is_causal": True}),
    llama("is_causal false", {"is_causal": False}),
    llama("is_causal null", {"is_causal": None}),
    llama("per_layer_config", {"per_layer_config": {"1": {"rms_norm_eps": 0.1}}}),
    llama("per_layer_config empty", {"per_layer_config": {}}),
    llama("per_layer_config null", {"per_layer_config": None}),
    llama("quantization_config null", {"quantization_config": None}),
    llama("fields of other families", {"logit_scale": 0.5, "embedding_multiplier": 12.0, "final_logit_softcapping": 30.0, "qk_norm": True}),
    llama("rotary buffers stored", tensors="rotary buffers"),
    # Names and types of tensors
    llama("names without a prefix", tensors="no prefix"),
    llama("names of a compiled model", tensors="a prefix of a compiled model"),
    llama("double precision", tensors="double precision"),
    llama("scales beside the weights", tensors="scales"),
    llama("quantised by gptq, it says", {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128, "backend": "torch"}}),
    # Mistral
    mistral("as it is"),
    mistral("a window", {"sliding_window": 32}),
    mistral("a window, not in use", {"sliding_window": 32, "use_sliding_window": False}),
    mistral("no window, and a text beyond the context", {"max_position_embeddings": 64}),
    mistral("a window of 1", {"sliding_window": 1}),
    mistral("a window of 1.5", {"sliding_window": 1.5}),
    mistral("a window as long as the text", {"sliding_window": 128}),
    mistral("a window one shorter", {"sliding_window": 127}),
    mistral("rope_scaling linear", scaled("linear", factor=2.0)),
    mistral("llama3", scaled("llama3", **LLAMA3)),
    mistral("tie_word_embeddings missing, a head is stored", drop=["tie_word_embeddings"], tensors="another head"),
    mistral("num_key_value_heads null", {"num_key_value_heads": None}),
    mistral("head_dim null", {"head_dim": None}),
    mistral("names of a compiled model", tensors="a prefix of a compiled model"),
    mistral("a window of 0", {"sliding_window": 0}),
    mistral("a window, a text", {"sliding_window": "32"}),
    mistral("sliding_window missing"),
    mistral("layer_types", {"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"] * 2}),
    mistral("no architectures", {"sliding_window": 32}, drop=["architectures"]),
    mistral("no model_type", {"sliding_window": 32}, drop=["model_type"]),
    mistral("architectures of Llama", {"sliding_window": 32, "architectures": ["LlamaForCausalLM"]}),
    mistral("the inner model", {"sliding_window": 32, "architectures": ["MistralModel"]}),
    mistral("num_key_value_heads missing", drop=["num_key_value_heads"]),
    mistral("head_dim missing", drop=["head_dim"]),
    mistral("attention_bias true", {"attention_bias": True}, tensors="attention biases"),
    mistral("mlp_bias true", {"mlp_bias": True}, tensors="mlp biases"),
    mistral("biases left over", tensors="attention biases"),
    mistral("tied, another head is stored", tensors="another head"),
    mistral("tied, only the head is stored", tensors="only the head"),
    mistral("not tied, a head is stored", {"tie_word_embeddings": False}, tensors="another head"),
    mistral("rope_theta nested and outside", {"rope_parameters": {**ROPE, "rope_theta": 500000.0}}),
    mistral("yarn", scaled("yarn", **YARN)),
    mistral("hidden_act gelu_pytorch_tanh", {"hidden_act": "gelu_pytorch_tanh"}),
    mistral("names without a prefix", tensors="no prefix"),
    mistral("max_position_embeddings missing", drop=["max_position_embeddings"]),
    mistral("rms_norm_eps missing", drop=["rms_norm_eps"]),
]
for row in ROWS:
    if row["name"] == "mistral: sliding_window missing":
        del row["config"]["sliding_window"]


def windows():
    tokenizer = transformers.AutoTokenizer.from_pretrained(EXAMPLES / "tiny")
    ids = []
    for line in (EXAMPLES / "world/test.jsonl").read_text().splitlines():
        ids += [0, *tokenizer(json.loads(line)["text"], add_special_tokens=False)["input_ids"]]
        if len(ids) >= LENGTH * WINDOWS:
            return torch.tensor(ids[:LENGTH * WINDOWS]).reshape(WINDOWS, LENGTH)


def folder(root, row):
    config = {**json.loads((EXAMPLES / "tiny/config.json").read_text()), **row["config"]}
    kept = {k: v for k, v in config.items() if k not in row["drop"]}
    (root / "config.json").write_text(json.dumps(kept))
    tensors = TENSORS[row["tensors"]](load_file(EXAMPLES / "tiny/model.safetensors"))
    save_file({k: v.contiguous() for k, v in tensors.items()}, root / "model.safetensors", {"format": "pt"})


def figure(root, ids):
    """The mean NLL, or the class of what is raised, or the number of tensors that are filled in."""
    try:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            root, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        missing = sorted(info["missing_keys"])
        if missing:
            return {"random": len(missing)}
        with torch.no_grad():
            logits = model.eval()(ids).logits.double()
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        return {"nll": round(loss.item(), 7)}
    except Exception as error:  # whatever transformers raises is the finding
        return {"raises": type(error).__name__}


def silence():
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)  # small products: more threads only wait for one another


def record(path, head, rows):
    """Writes a head and rows, or with `--check` compares the rows with those that are recorded, and ends with 1 if some differ."""
    versions = {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
    if "--check" not in sys.argv:
        lines = ",\n".join("    " + json.dumps(row) for row in rows)
        path.write_text(f'{json.dumps({"versions": versions, **head})[:-1]}, "rows": [\n{lines}\n]}}\n')
        return
    old = json.loads(path.read_text())
    recorded = {row["name"]: row for row in old["rows"]}
    differing = [row["name"] for row in rows if not same(row, recorded.get(row["name"], {}))]
    differing += [key for key, value in head.items() if not alike(json.loads(json.dumps(value)), old.get(key))]
    print(f"{len(rows) - len(differing)} of {len(rows)} rows as recorded", *differing, sep="\n  ")
    sys.exit(len(differing) > 0)


def main():
    silence()
    ids = windows()
    rows = []
    for row in ROWS:
        with tempfile.TemporaryDirectory() as root:
            folder(Path(root), row)
            rows.append({**row, **figure(root, ids)})
    record(RECORD, {"length": LENGTH, "tokens": ids.flatten().tolist()}, rows)


def alike(a, b):
    """Equal but for the last digits of losses."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return abs(a - b) < 2e-6 if isinstance(a, float) and isinstance(b, float) else a == b


def same(a, b):
    if "nll" in a and "nll" in b:
        return abs(a["nll"] - b["nll"]) < 2e-6
    return a == b


if __name__ == "__main__":
    main()
