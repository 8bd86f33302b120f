/** What architectures mean, on the headers of small models. */
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { diagnose, problemsOf } from "../language/run.ts";
import { bound, halve, problems, recipe, values } from "../recipe/bound.ts";

suite("language: architectures", ({ test }) => {
  const arch = (
    members: string,
    forward = "lm_head(layer(embed[vocab: tokens]) * norm)",
  ) => `arch own for "LlamaForCausalLM" {
  dim vocab = config.vocab_size
  dim model = config.hidden_size
  table embed: f32[vocab, model] at "model.embed_tokens.weight"
  weight norm: f32[model] at "model.norm.weight"
  blocks layer: config.num_hidden_layers at "model.layers.{layer}" {
${members}
  }
  linear lm_head: model -> vocab at "lm_head" | tied embed
  fn forward(tokens: i32[token]) -> f32[token, vocab] = ${forward}
}\n`;
  const rest = ["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => `    ignore "self_attn.${name}.weight"`);
  const norms = ["input_layernorm", "post_attention_layernorm"].map((name) => `    ignore "${name}.weight"`);
  const mlp = `    dim mlp = config.ffn_size ?? config.intermediate_size
    linear gate: model -> mlp at "mlp.gate_proj"
    linear up: model -> mlp at "mlp.up_proj"
    linear down: mlp -> model at "mlp.down_proj"
    fn forward(x: f32[token, model]) = x + down(gate(x) * up(x))`;

  test("one in the recipe's own file comes before the library's, and `??` reads what a config may lack", () => {
    const source = (members: string) => arch(members) + halve + recipe("stage small = halve() of model for layer[0]");
    const { typed } = bound(source([mlp, ...rest, ...norms].join("\n")));
    const [stage] = typed.stages;
    assert.equal(
      stage?.selected.map(({ linear }) => linear.name),
      ["gate", "up", "down"],
    );
    assert.equal(problems(source(mlp)), ["weight-unknown"]);
    assert.equal(problems(source(mlp.replace("config.ffn_size ?? config.intermediate_size", "config.ffn_size"))), [
      "config-missing",
    ]);
  });

  test("its forward passes are checked without a model", () => {
    assert.equal(problemsOf(arch(mlp)), []);
    assert.equal(problemsOf(arch(mlp.replace("gate(x) * up(x)", "gate(x) + x"))), ["not-aligned"]);
    assert.equal(problemsOf(arch(mlp.replace("fn forward", "fn forwards"))), ["unknown-name"]);
    assert.equal(problemsOf(arch(mlp, "lm_head(embed[vocab: tokens] + norm[model: 0 .. 1 as one])")), ["not-aligned"]);
    assert.equal(problemsOf(arch(mlp.replace("gate(x) * up(x)", "gate(layer(x)) * up(x)"))), ["wrong-type"]);
    const again = arch(mlp.replace("gate(x) * up(x)", "gate(again(x)) * up(x)"));
    const nested = again.replace("  table embed", "  fn again(x) = layer(x)\n  table embed");
    assert.equal(problemsOf(nested), ["not-supported"]);
    const counted = diagnose(arch(mlp.replace("gate(x) * up(x)", "gate(x, x, x) * up()")));
    assert.equal(
      counted.map(({ id, hint }) => [id, hint]),
      [
        ["wrong-arguments", "it is written `gate(x, [reached])`"],
        ["missing-parameter", "it is written `up(x, [reached])`"],
      ],
    );
  });

  test("a dimension that a model decides may be whatever a program needs, until one is bound", () => {
    const through = (made: string, dim: string) => {
      const block = mlp.replace("= x + down(gate(x) * up(x))", `{\n${made}\nx + down(gate(x) * up(x))\n}`);
      const measure = recipe("report mean_nll(model, text.test, 16)");
      return `import { mean_nll } from "std/evaluate"\n${arch([dim, block, ...rest, ...norms].join("\n"))}${measure}`;
    };
    for (const [dim, made] of [
      ["dim part = 4", "let y = split(x, model -> (part, lane: size(model) / 4))"],
      ["dim part = config.num_attention_heads", "let y = x[model: 0 .. 4 as part]"],
      ["dim part = 4 * config.num_attention_heads", "let y = rename(x, model -> part)"],
      ["dim part = config.num_attention_heads", "let y = stack(part: x, x, x, x)"],
    ] as const) {
      assert.equal(problemsOf(through(made, dim)), [], made);
      assert.equal(problems(through(made, dim)), [], made);
      const other = dim.replace(/= /, "= 3 * ");
      assert.equal(problems(through(made, other)), ["dimension-mismatch"], made);
    }
    assert.equal(problemsOf("fn f(x: f32[a], y: f32[b]) = rename(x, a -> c) + rename(y, b -> c)"), [
      "dimension-mismatch",
    ]);
  });

  test("it needs a forward pass, and one through its blocks to be run", () => {
    const members = [mlp, ...rest, ...norms].join("\n");
    assert.equal(problemsOf(arch(members).replace("  fn forward(tokens", "  fn backward(tokens")), ["unknown-name"]);
    const measured = `import { mean_nll } from "std/evaluate"\n${arch(members, "lm_head(embed[vocab: tokens])")}`;
    assert.equal(problems(measured + recipe("report mean_nll(model, text.test, 16)")), ["not-supported"]);
  });

  test("a condition on `tied` decides, and where it is silent the checkpoint does", () => {
    const tied = (condition: string) =>
      arch([mlp, ...rest, ...norms].join("\n")).replace("tied embed", `tied embed${condition}`) +
      halve +
      recipe("stage small = halve() of model for linear");
    for (const condition of ["", " where config.tie_word_embeddings", " where config.is_shared"])
      assert.equal(problems(tied(condition)), ["tied-weight"]);
    assert.equal(problems(tied(" where not config.tie_word_embeddings")), ["weight-missing"]);
    assert.equal(problems(tied(" where config.hidden_size")), ["wrong-type"]);
  });

  test("layers at one path have the same inputs, order and biases", () => {
    const shared = mlp.replace("mlp.up_proj", "mlp.gate_proj");
    assert.equal(problemsOf(arch(shared)), []);
    assert.equal(problemsOf(arch(shared.replace('"mlp.gate_proj"', '"mlp.gate_proj"[in, out]'))), ["not-supported"]);
    assert.equal(problemsOf(arch(shared.replace('"mlp.gate_proj"', '"mlp.gate_proj" bias where true'))), [
      "not-supported",
    ]);
    assert.equal(problemsOf(arch(shared.replaceAll('"mlp.gate_proj"', '"mlp.gate_proj"[mlp, out, in]'))), []);
    assert.equal(problemsOf(arch(shared.replace('"mlp.gate_proj"', '"mlp.gate_proj"[mlp, out, in]'))), [
      "not-supported",
    ]);
    assert.equal(problemsOf(arch(shared.replaceAll('"mlp.gate_proj"', '"mlp.gate_proj"[model, out, in]'))), [
      "not-supported",
      "not-supported",
    ]);
    const source = [shared, `    ignore "mlp.up_proj.weight"`, ...rest, ...norms].join("\n");
    assert.equal(problems(arch(source) + recipe("report model.vocab")), ["weight-shape"]);
  });

  test("kinds of blocks follow one another, each passed once", () => {
    assert.equal(problemsOf(arch(mlp).replace("blocks layer: ", "blocks layer: 1 .. ")), ["not-supported"]);
    const members = [mlp, ...rest, ...norms].join("\n");
    const kinds = (first: string, way = "late(layer(embed[vocab: tokens]) * 1)") => {
      const last = `blocks late: ${first} .. config.num_hidden_layers at "model.layers.{late}" {\n${members}\n}\n  linear lm_head`;
      const both = arch(members, `lm_head(${way} * norm)`)
        .replace("blocks layer: config.num_hidden_layers", `blocks layer: config.first ?? 1`)
        .replace("linear lm_head", last);
      return `import { mean_nll } from "std/evaluate"\n${both}${halve}`;
    };
    const measured = recipe("stage small = halve() of model for late.up\nreport mean_nll(small, text.test, 16)");
    const right = kinds("config.first ?? 1", "late(layer(embed[vocab: tokens]))") + measured;
    assert.equal(problemsOf(right), []);
    const { steps, typed } = bound(right);
    assert.equal(
      typed.stages[0]?.selected.map(({ layer }) => layer),
      [1],
    );
    const through = steps.flatMap(({ part }) => (part.what === "outputs" ? [part.layer] : []));
    assert.equal(through, [0, 1]);
    assert.equal(problemsOf(kinds("config.first ?? 1")), ["not-supported"]);
    assert.equal(problemsOf(kinds("config.first ?? 1", "layer(late(embed[vocab: tokens]))")), ["not-supported"]);
    assert.equal(problemsOf(kinds("config.first ?? 1", "layer(embed[vocab: tokens])")), ["not-supported"]);
    assert.equal(problems(kinds("2", "late(layer(embed[vocab: tokens]))") + measured), ["not-supported"]);
    assert.equal(problems(right.replaceAll("config.first ?? 1", "config.first ?? 0").replace(" for late.up", "")), []);
    assert.equal(problems(right.replaceAll("config.first ?? 1", "config.first ?? 3")), ["config-value"]);
  });

  test("a block knows its number, and blocks that read it are blocks of their own", () => {
    const numbered = (condition: string) =>
      arch(
        [mlp.replace("up(x))", `up(x)) where ${condition} else refuse("such a block")`), ...rest, ...norms].join("\n"),
      ) + recipe("report mean_nll(model, text.test, 16)");
    const source = (condition: string) => `import { mean_nll } from "std/evaluate"\n${numbered(condition)}`;
    for (const condition of ["layer >= 0", "layer < 1", "layer == 1"]) assert.equal(problemsOf(source(condition)), []);
    assert.equal(problems(source("layer >= 0")), []);
    assert.equal(problems(source("layer < 1")), ["not-supported"]);
    const steps = (scale: string) => bound(source("layer >= 0").replace("up(x))", `up(x)) * ${scale}`)).steps;
    const programs = (scale: string) =>
      new Set(
        steps(scale)
          .filter(({ part }) => part.what === "outputs")
          .map((step) => step.program),
      );
    assert.is(programs("(1 where layer >= 0 else 2)").size, 1);
    assert.is(programs("(1 where layer == 0 else 2)").size, 2);
  });

  test("layers are selected where any of them could stand in the place of another", () => {
    const source = (scale: string) =>
      `import { shortgpt } from "std/prune/shortgpt"\n${arch([mlp.replace("up(x))", `up(x)) * ${scale}`), ...rest, ...norms].join("\n"))}` +
      recipe("stage small = shortgpt(drop: 1) of model over text.train.sample(4, length: 16, seed: 0)");
    assert.equal(problems(source("(layer + 1)")), ["not-supported"]);
    assert.equal(problems(source("config.num_hidden_layers")), ["not-supported"]);
    assert.equal(problems(source("(1 where layer >= 0 else 2)")), []);
  });

  test("its dimensions are the model's", () => {
    const known = values(recipe("report model.context, 2 * model.vocab")).map(({ value }) => value);
    assert.equal(known, [64, 64]);
    const own = arch([mlp, ...rest, ...norms].join("\n"));
    assert.equal(problems(own + recipe("report model.context")), ["unknown-name"]);
    assert.equal(problemsOf(recipe("report model.contxt")), ["unknown-name"]);
  });
});
