/** What recipes and methods mean, on the headers of small models. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Graph } from "../../compiler/graph/graph.ts";
import { interpret } from "../../compiler/graph/interpret.ts";
import { showGraph } from "../../compiler/graph/show.ts";
import { problemsFrom } from "../given/problems.ts";
import { suite } from "../harness/suite.ts";
import { problemsOf } from "../language/run.ts";
import { root } from "../repository/sources.ts";
import { bound, halve, problems, recipe, values } from "./bound.ts";

suite("language: a recipe's parameters", ({ test }) => {
  const report = (parameter: string, value: string) => recipe(`report ${value}`, `, ${parameter}`);
  const reported = (parameter: string, value: string, given?: string) =>
    values(report(parameter, value), given === undefined ? {} : { arguments: { n: given } })[0]?.value;
  const refused = (parameter: string, given: string) => problems(report(parameter, "1"), { arguments: { n: given } });

  test("arguments are written as the recipe would write them", () => {
    assert.is(reported("n: Int = 4", "n", "512 MiB"), 2 ** 29);
    assert.is(reported("n: Float = 4", "n", "1e-3"), 0.001);
    assert.is(reported("n: Float = 4", "n", "-1"), -1);
    assert.is(reported("n: Fraction = 50%", "n", "30%"), 0.3);
    assert.is(reported("n: Bool = false", "1 where n else 2", "true"), 1);
    assert.is(reported("n: Sparsity = 50%", "n.pattern ?? 1", "2:4"), 4);
  });

  test("a text is taken as it is, without quotes", () => {
    assert.is(reported('n: Text = "a"', '1 where n == "two words" else 2', "two words"), 1);
  });

  test("a default may read earlier parameters, and the plan records what it came to", () => {
    const source = recipe("report m", ", n: Int = 3, m: Int = n + 1");
    assert.is(values(source, { arguments: { n: "5" } })[0]?.value, 6);
    const { parameters } = bound(source, { arguments: { n: "5" } }).typed;
    assert.equal(parameters.at(-1), { name: "m", type: "Int", value: "6" });
  });

  test("what has another type or lies outside of the range is refused", () => {
    for (const [parameter, given] of [
      ["n: Int = 4", "4.5"],
      ["n: Int in 2 to 8 = 4", "9"],
      ["n: Fraction = 50%", "120%"],
      ["n: Sparsity = 50%", "5:4"],
      ["n: Bool = true", "1"],
    ] as const)
      assert.equal(refused(parameter, given), ["wrong-parameter"], `${parameter} given ${given}`);
  });

  test("what is no single value is refused as such", () => {
    for (const given of ["4 5", "", "{", "4\nfn g() = 3", "(4"])
      assert.equal(refused("n: Int = 4", given), ["wrong-parameter"]);
    assert.equal(refused("n: Int = 4", "lots"), ["unknown-name"]);
  });

  test("one without a default must be given", () => {
    assert.equal(problems(report("n: Int", "n")), ["missing-parameter"]);
    assert.equal(problems(report("n: Int", "n"), { model: "none", arguments: { n: "3" } }), ["missing-parameter"]);
  });
});

suite("language: stages and measures", ({ test }) => {
  const steps = (source: string) => {
    const { typed, saves } = bound(source);
    return [
      ...typed.stages.map(({ name, of }) => `${name} of ${of}`),
      ...typed.evaluations.map(({ of }) => `evaluation ${of.map(({ model }) => model).join(", ")}`),
      ...(typed.measures.length > 0 ? ["measure"] : []),
      ...saves.map(({ of }) => `save ${of}`),
    ];
  };

  test("a stage reads the model or the stage that it names", () => {
    const body = `stage one = halve() of model for layer
      stage two = halve(3) of one for gate
      report mean_nll(two, text.test), mean_nll(two, text.test) - mean_nll(model, text.test)
      save two as "huggingface"`;
    const source = `import { mean_nll } from "std/evaluate"\n${halve}${recipe(body)}`;
    assert.equal(steps(source), [
      "one of model",
      "two of one",
      "evaluation two",
      "evaluation model",
      "measure",
      "save two",
    ]);
  });

  test("a stage's name is new", () => {
    const twice = "stage one = halve() of model for layer\nstage one = halve() of one for layer";
    assert.equal(problems(halve + recipe(twice)), ["duplicate-name"]);
    assert.equal(problems(halve + recipe("stage model = halve() of model for layer")), ["duplicate-name"]);
  });

  test("measures of one model on the same windows share the pass", () => {
    const body = "report perplexity(model, text.test), mean_nll(model, text.test), mean_nll(model, text.test, 32)";
    const source = `import { mean_nll, perplexity } from "std/evaluate"\n${recipe(body)}`;
    assert.equal(steps(source), ["evaluation model", "evaluation model", "measure"]);
  });

  test("expect takes a comparison, report a number", () => {
    const [smaller, number] = values(recipe("expect 1 < 2\nreport 3"));
    assert.equal([smaller?.kind, smaller?.value, number?.kind, number?.value], ["expect", 1, "report", 3]);
    assert.equal(problemsOf(recipe("expect 3")), ["wrong-type"]);
    assert.equal(problemsOf(recipe("report 1 < 2")), ["wrong-type"]);
    assert.equal(problemsOf(recipe("report text")), ["wrong-type"]);
  });

  test("what a model is saved as may hang on parameters", () => {
    const source =
      halve + recipe("stage half = halve() of model for layer\nsave half as target", ', target: Text = "lcomp"');
    const format = (target?: string) =>
      bound(source, target === undefined ? {} : { arguments: { target } }).typed.saves[0]?.format;
    assert.equal([format(), format("gguf")], ["lcomp", "gguf"]);
    assert.equal(problems(source, { arguments: { target: "onnx" } }), ["not-supported"]);
    assert.equal(problemsOf(recipe("save model as 4")), ["wrong-type"]);
  });

  test("samples must fit into the text, and so must windows", () => {
    const sample = recipe("let some = text.train.sample(4, length: 64)");
    assert.equal(problems(sample, { tokens: 64 }), []);
    assert.equal(problems(sample, { tokens: 63 }), ["out-of-range"]);
    const nll = `import { mean_nll } from "std/evaluate"\n${recipe("report mean_nll(model, text, 64)")}`;
    assert.equal(problems(nll, { tokens: 63 }), ["out-of-range"]);
  });

  test("the first windows of a text are so many of those that it has, and it gives no samples", () => {
    const first = (count: number): string =>
      `import { mean_nll } from "std/evaluate"\n${recipe(`report mean_nll(model, text.first(${count}), 64)`)}`;
    assert.equal(problems(first(3), { tokens: 200 }), []);
    assert.equal(problems(first(4), { tokens: 200 }), ["out-of-range"]);
    assert.is(bound(first(3)).windows[0]?.first, 3);
    assert.equal(problemsOf(recipe("let some = text.train.first(4).sample(2, length: 16)")), ["unknown-name"]);
  });
});

/** The graph of what a recipe reports, where `body` is that of `fn own(model: Model, text: Corpus)`. */
function measured(body: string, call = "own(model, text)", more = ""): Graph {
  const source = `import { next_token_loss } from "std/nn"
${halve}fn own(model: Model, text: Corpus${more}) {\n${body}\n}
recipe test(model: Model, text: Corpus) {
  stage half = halve() of model for layer
  report ${call}, bytes(half)
}`;
  assert.equal(problemsOf(source), []);
  const step = bound(source).steps.find(({ part }) => part.what === "measure");
  if (!step) throw new Error("nothing is measured");
  return step.program;
}

suite("language: measures of one's own", ({ test }) => {
  const windows = 1000 / 16;
  const perWindow = Array.from({ length: Math.floor(windows) }, (_, i) => i);
  /** What the measure makes of 0, 1, 2 … in the windows. */
  const result = (graph: Graph) => {
    const inputs = graph.nodes.flatMap((node) => (node.op === "input" ? [node.attrs.name] : []));
    return interpret(graph, new Map(inputs.map((name) => [name, perWindow]))).get("v0")?.[0];
  };

  test("an observation of a model keeps a number of each window, to be reduced over sample", () => {
    const loss = "let tokens = text.windows(16)\nobserve loss = next_token_loss(model(tokens), tokens)\n";
    assert.is(result(measured(`${loss}max(loss, over sample)`)), 61);
    assert.is(result(measured(`${loss}mean(loss, over sample)`)), 30.5);
    assert.is(result(measured("observe loud = sum(model(text.windows(16)), over (token, vocab, sample))\nloud")), 1891);
  });

  test("the dimensions of logits are known where the model is called", () => {
    const hits = `let tokens = text.windows(16)
      let guess = argmax(model(tokens)[token: 0 .. size(token) - 1 as step], over vocab)
      observe hit = mean(guess == tokens[token: 1 .. size(token) as step], over step)
      mean(hit, over sample)`;
    assert.is(result(measured(hits)), 30.5);
  });

  test("two models are observed one by one", () => {
    const each = (more: string) => `let tokens = text.windows(16)
      observe a = next_token_loss(model(tokens), tokens)
      observe b = next_token_loss(other(tokens), tokens)
      ${more}`;
    const graph = measured(each("mean(a - b, over sample)"), "own(model, text, half)", ", other: Model");
    assert.match(showGraph(graph), /input state model text.test 16 0[\s\S]*input state half text.test 16 0/);
  });

  test("two models are observed together, in one head; what one of them needs alone is its too, and each passes once", () => {
    const apart = `fn apart(model: Model, other: Model, text: Corpus, length: Int) {
      let tokens = text.windows(length)
      observe apart = sum(abs(model(tokens) - other(tokens)), over vocab)
      max(apart, over (sample, token))
    }
`;
    const body = `stage half = halve() of model for layer
      stage third = halve(3) of model for layer
      report mean_nll(half, text.test, 16), apart(model, half, text.test, 16), apart(half, model, text.test, 16)
      report apart(model, third, text.test, 16), mean_nll(third, text.test, 32)`;
    const { steps } = bound(`import { mean_nll } from "std/evaluate"\n${apart}${halve}${recipe(body)}`);
    const passes = steps.flatMap(({ part, over }) => (part.what === "embedding" ? [`${part.of} ${over}`] : []));
    assert.equal(passes, ["half 0", "model 0", "third 0", "third 1"]);
    const heads = steps.filter(({ part }) => part.what === "head");
    assert.equal(
      heads.map(({ part, program }) => [part.of, program.outputs.length]),
      [
        ["half, model", 3],
        ["model, third", 1],
        ["third", 1],
      ],
    );
    const [both] = heads;
    const read = Object.entries(both?.reads ?? {}).map(([slot, ref]) => `${slot} ${"step" in ref ? ref.step : ""}`);
    const last = (of: string) => steps.findLastIndex(({ part }) => part.of === of && part.what === "outputs");
    assert.ok(read.includes(`1:x ${last("half")}`) && read.includes(`2:x ${last("model")}`), read.join(", "));
  });

  test("of each window no more is kept than a number of each token", () => {
    const keeping = (value: string) => {
      const own = `fn own(model: Model, text: Corpus) {
        observe kept = ${value}
        max(kept, over (sample, token))
      }
`;
      return problemsOf(own + recipe("report own(model, text)"));
    };
    assert.equal(keeping("argmax(model(text.windows(16)), over vocab)"), []);
    const both = ["not-supported", "dimension-escapes"];
    assert.equal(keeping("model(text.windows(16))[vocab: 0 .. 2 as some]"), both);
    assert.equal(keeping("f32(text.windows(16))"), ["not-supported"]);
  });

  test("in one scope all windows are of one text and length", () => {
    const body = "let a = text.windows(16)\nlet b = text.windows(32)\nsum(model(a), over (sample, token, vocab))";
    assert.equal(problemsOf(`fn own(model: Model, text: Corpus) {\n${body}\n}\n${recipe("report own(model, text)")}`), [
      "dimension-mismatch",
    ]);
  });
});

suite("language: methods", ({ test }) => {
  const header = "on linear(w: f32[out, in], x: f32[sample, token, in])";
  const of = (method: string, model = "plain") => {
    const stage = "stage small = own() of model over text.train.sample(4, length: 16) for layer";
    const source = `${method}\n${recipe(stage)}`;
    assert.equal(problemsOf(source), []);
    return problems(source, { model });
  };

  test("a whole-number parameter may be a size, known only when the recipe runs", () => {
    const grouped = `method own(every: Int = 4, bits: Int in 2 to 8 = 4) on linear(w: f32[out, in]) {
      let length = every where every > 0 else size(in)
      let group = split(w, in -> (block, lane: length))
      let scale = max(abs(group), over lane) / (2^(bits - 1) - 1)
      merge(round(group / scale) * scale, (block, lane) -> in)
    }`;
    assert.equal(of(grouped), []);
    assert.equal(of(grouped.replace("= 4,", "= 0,")), []);
    assert.equal(of(grouped.replace("= 4,", "= 5,")), ["does-not-divide"]);
  });

  test("an observation may combine its reductions, outside of which sample is gone", () => {
    assert.equal(
      of(`method own() ${header} {\n  observe loud = sqrt(sum(x^2, over (sample, token))) + 1\n  w * loud\n}`),
      [],
    );
    const gram = `method own() ${header} {
      observe gram = sum(x * rename(x, in -> other), over (sample, token))
      let h = (gram + rename(gram, (in, other) -> (other, in))) / 2
      sum(rename(w, in -> other) * h, over other)
    }`;
    assert.equal(of(gram), []);
  });

  test("what an observation calls may observe; elsewhere a function is given no activation", () => {
    const deviation = (call: string) => `fn deviation(x: f32[sample, token, in]) {
      observe centre = mean(x, over (sample, token))
      observe spread = mean((x - centre)^2, over (sample, token))
      sqrt(spread)
    }
    method own() ${header} {
      ${call}
      w * wide
    }`;
    assert.equal(of(deviation("observe wide = deviation(x)")), []);
    assert.equal(problemsOf(deviation("let wide = deviation(x)")), ["activation-outside-observe"]);
  });

  test("activations come from the compressed or from the given model", () => {
    const observed = (from: string) =>
      `method own() ${header} ${from} { observe p = sum(x, over (sample, token))\n w * p }`;
    /** Where block 0 has its weights from when the activations for block 1 are made. */
    const weights = (from: string) => {
      const stage = "stage small = own() of model over text.train.sample(4, length: 16) for layer";
      const { steps } = bound(`${observed(from)}\n${recipe(stage)}`);
      const outputs = steps.find(({ part }) => part.what === "outputs" && part.layer === 0);
      return Object.entries(outputs?.reads ?? {}).flatMap(([slot, ref]) =>
        slot.endsWith("_proj.weight") ? [...new Set(Object.keys(ref))] : [],
      );
    };
    const [made, given] = [
      ["step", "output"],
      ["model", "tensor"],
    ].map((keys) => Array(7).fill(keys).flat());
    assert.equal(weights("from compressed"), made);
    assert.equal(weights("from dense"), given);
    assert.equal(weights(""), made);
    assert.equal(problemsOf(observed("from sparse")), ["not-supported"]);
  });

  test("a header says what a linear layer shows, and one mistake there is one message", () => {
    assert.equal(problemsOf("method own() on linear(v: f32[out, in]) { v / 2 }"), ["not-supported"]);
    assert.equal(problemsOf("method own() on block(w: f32[out, in]) { w / 2 }"), ["wrong-type"]);
    assert.equal(problemsOf("method own() on linear(w: f32[in, out]) { w / 2 }"), []);
  });
});

suite("language: counts that a config can say", ({ test }) => {
  const own = readFileSync(join(root, "stdlib/arch/llama.lcomp"), "utf8").replace(
    "dim model = config.hidden_size",
    "dim model = config.hidden_size where config.hidden_size % config.num_attention_heads == 0",
  );
  const method = `method narrow(by: Int) on block(input: f32[sample, token, model]) {
  observe loud = sum(abs(input), over (sample, token))
  select model to by by sum(loud, over layer)
}
`;
  const kept = (by: number) => own + method + recipe(`stage small = narrow(by: ${by}) of model over ${windows}`);
  const windows = "text.train.sample(4, length: 16)";

  test("the config follows from the count", () => {
    const { saves, steps } = bound(kept(12).replace(/}\n$/, 'save small as "huggingface"\n}'));
    assert.equal(saves[0]?.config, { hidden_size: 12, head_dim: 4 });
    assert.ok(steps.some(({ part }) => part.what === "cut"));
  });

  test("one that it cannot say is refused with the nearest that it can", () => {
    const [problem, ...others] = problemsFrom(() => bound(kept(11)));
    assert.is(
      problem?.title,
      "how many of `model` stay is 11, and must be what config.json of `llama` can say: the nearest is 12",
    );
    assert.equal(others, []);
  });
});
