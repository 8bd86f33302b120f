/** Models, texts and folders that are not what they should be, as a user meets them on the command line. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { someText } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, safetensorsBytes } from "../io/folder.ts";
import { onSmallDisk } from "../io/small-disk.ts";
import { root } from "../repository/sources.ts";
import { type Attempt, attempt, refusedWith } from "./hostile.ts";
import { launcher } from "./lcomp.ts";

const tiny = join(root, "examples/tiny");
const recipe = `import { wanda } from "std/prune/wanda"

recipe half(model: Model, text: Corpus) {
  let some = text.train.sample(2, length: 32, seed: 0)
  stage small = wanda(50%) of model over some for linear except lm_head
  save small as "huggingface"
}
`;
const given = ["run", "half.lcomp", "--model", "model", "--text", "text.jsonl", "--out", "out", "--quiet"];
const left = ["half.lcomp", "model", "text.jsonl"];

/** A folder with the recipe, a text and a copy of the example model. */
const prepared = (body: (folder: string) => Promise<void> | void) =>
  inFolder(async (folder) => {
    cpSync(tiny, join(folder, "model"), { recursive: true });
    writeFileSync(join(folder, "half.lcomp"), recipe);
    writeFileSync(join(folder, "text.jsonl"), someText(20));
    await body(folder);
  });

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
const weights = readFileSync(join(tiny, "model.safetensors"));
const length = Number(weights.readBigUInt64LE(0));
const header = (): Header => {
  const { __metadata__: _, ...tensors } = JSON.parse(weights.subarray(8, 8 + length).toString("utf8"));
  return tensors as Header;
};
const data = weights.subarray(8 + length);
const names = Object.keys(header());
const sorted = Object.entries(header()).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0]);
/** The example's weights with a header that somebody has edited. */
const edited = (edit: (tensors: Header, ...names: string[]) => void): Uint8Array => {
  const tensors = header();
  edit(tensors, ...names);
  return safetensorsBytes(tensors, data);
};

const spoiltWeights: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
  "no byte": [new Uint8Array(), /^lcomp: model\/model\.safetensors is not a safetensors file: it has only 0 bytes; /],
  "a header that is cut off": [
    weights.subarray(0, 100),
    /model\.safetensors is cut off: its header should have \d+ bytes, /,
  ],
  "a header of 8 exabytes": [
    safetensorsBytes(header(), data, 8_000_000_000_000_000_000n),
    /model\.safetensors is not a safetensors file: it claims a header of 8000000000000000000 bytes; /,
  ],
  "a header that is no JSON": [
    safetensorsBytes("{{{{", 8),
    /the header of model\/model\.safetensors is not valid JSON; /,
  ],
  "tensors that are cut off": [
    weights.subarray(0, -1000),
    /tensor \S+ in model\/model\.safetensors: its bytes \d+ to \d+ are not in/,
  ],
  "tensors that overlap": [
    edited((tensors, _first, second = "", third = "") => {
      tensors[third] = tensors[second] as Header[string];
    }),
    /tensors \S+ and \S+ overlap in model\/model\.safetensors; /,
  ],
  "an offset out of range": [
    edited((tensors, first = "") => {
      tensors[first]?.data_offsets.splice(0, 2, 1e15, 1e15 + 262_144);
    }),
    /tensor \S+ in model\/model\.safetensors: its bytes 1000000000000000 to \d+ are not in the file/,
  ],
  "an offset that no number holds": [
    edited((tensors, first = "") => {
      tensors[first]?.data_offsets.splice(1, 1, 1e300);
    }),
    /tensor \S+ in model\/model\.safetensors: its data_offsets \[\d+,1e\+300\] are not two whole numbers; /,
  ],
  "a NaN": [
    Buffer.concat([weights.subarray(0, -64), new Uint8Array(64).fill(0xff)]),
    /tensor \S+ in model\/model\.safetensors holds NaN at \[\d+(, \d+)?\]; use a sound copy/,
  ],
  "a name that steers the terminal": [
    edited((tensors, first = "") => {
      const { [first]: entry, ...others } = tensors;
      for (const name of Object.keys(tensors)) delete tensors[name];
      Object.assign(tensors, others, { "\u001b]0;owned\u0007\nlcomp: all is well": { ...entry, dtype: "F99" } });
    }),
    /^lcomp: tensor ·\]0;owned··lcomp: all is well in model\/model\.safetensors: unknown dtype "F99"; /,
  ],
  "a tensor of whole numbers": [
    edited((tensors, first = "") => {
      (tensors[first] as Header[string]).dtype = "I16";
    }),
    /^problem: the stored type I16 of `\S+` is not supported yet/,
  ],
  "a tensor less": [
    safetensorsBytes(Object.fromEntries(sorted.slice(0, -1)), data.subarray(0, sorted.at(-1)?.[1].data_offsets[0])),
    /^problem: the checkpoint has no tensor `\S+` \[weight-missing\]/,
  ],
};

suite("hostile: weights", ({ test }) => {
  for (const [name, [bytes, message]] of Object.entries(spoiltWeights)) {
    test(
      name,
      prepared((folder) => {
        writeFileSync(join(folder, "model/model.safetensors"), bytes);
        refusedWith(attempt(folder, ...given), 1, message, left);
      }),
    );
  }

  test(
    "a shard that is missing",
    prepared((folder) => {
      const map = Object.fromEntries(names.map((name, i) => [name, `model-${i % 2}.safetensors`]));
      writeFileSync(join(folder, "model/model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
      spawnSync("mv", ["model/model.safetensors", "model/model-0.safetensors"], { cwd: folder });
      const message = /^lcomp: shard model-1\.safetensors is missing from model; download it \(\S+ names it\)\n$/;
      refusedWith(attempt(folder, ...given), 1, message, left);
    }),
  );
});

const configs: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
  [{ hidden_size: 1e15 }, /^problem: `hidden_size` in config\.json is 1000000000000000, not a whole number from 1/],
  [{ hidden_size: -4 }, /^problem: `hidden_size` in config\.json is -4, not a whole number from 1/],
  [{ hidden_size: "128" }, /^problem: `hidden_size` in config\.json is "128", not a whole number/],
  [{ hidden_size: null }, /^problem: config\.json has no `hidden_size` \[config-missing\]/],
  [{ num_hidden_layers: 1e9 }, /^problem: `num_hidden_layers` in config\.json is 1000000000, not at most 4096 blocks/],
  [{ num_hidden_layers: 3 }, /^problem: the checkpoint has 9 tensors that `llama` does not know/],
  [{ num_attention_heads: 3 }, /^problem: by config\.json `group` is 1\.5, not a whole number/],
  [{ vocab_size: 1e12 }, /^problem: `vocab_size` in config\.json is 1000000000000, not a whole number/],
  [
    { intermediate_size: 2 ** 31 },
    /^problem: `\S+gate_proj\.weight` has the shape \[384, 128\] in the checkpoint, and \[2147483648, 128\]/,
  ],
  [
    { max_position_embeddings: 1e18 },
    /^problem: `max_position_embeddings` in config\.json is 1000000000000000000, not a/,
  ],
  [
    { rope_theta: -1 },
    /^lcomp: stage small, layer 0: statistics \(power of q, k, v.*\) that mean nothing: .* are NaN or infinite; .* model and config\.json\n$/,
  ],
  [{ rope_scaling: "linear" }, /^problem: `scaling` of `rotary` must be an object of config\.json, and is "linear"/],
  [
    { architectures: [], model_type: undefined },
    /^problem: model is a model without `architectures` in its config\.json, which/,
  ],
  [{ architectures: ["PhiForCausalLM"] }, /^problem: model is a PhiForCausalLM, which no architecture describes/],
];

suite("hostile: config and tokenizer", ({ test }) => {
  for (const [change, message] of configs) {
    test(
      `config.json with ${JSON.stringify(change)}`,
      prepared((folder) => {
        const path = join(folder, "model/config.json");
        writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...change }));
        refusedWith(attempt(folder, ...given), 1, message, left);
      }),
    );
  }

  const tokenizers: Readonly<Record<string, readonly [(text: string) => string | null, RegExp]>> = {
    "of a larger model": [
      (text) => text.replace(/"vocab": \{/, '"vocab": {"zebra": 32000,'),
      /^lcomp: the tokenizer in model does not fit: it has a token 32000, the model's vocab_size is 1024; /,
    ],
    "without a vocabulary": [
      () => "{}",
      /^lcomp: .* in model\/tokenizer\.json must be an object; save the tokenizer again\n$/,
    ],
    "that is cut off": [(text) => text.slice(0, 500), /^lcomp: model\/tokenizer\.json is not valid JSON; /],
    "that is absent": [() => null, /^lcomp: model has no tokenizer\.json; save the model's tokenizer there/],
  };
  for (const [name, [change, message]] of Object.entries(tokenizers)) {
    test(
      `a tokenizer ${name}`,
      prepared((folder) => {
        const path = join(folder, "model/tokenizer.json");
        const text = change(readFileSync(path, "utf8"));
        if (text === null) spawnSync("rm", [path]);
        else writeFileSync(path, text);
        refusedWith(attempt(folder, ...given), 1, message, left);
      }),
    );
  }
});

suite("hostile: texts", ({ test }) => {
  const texts: Readonly<Record<string, readonly [string | Uint8Array, RegExp]>> = {
    "empty.txt": ["", /^lcomp: empty\.txt is empty; give a text\n$/],
    "empty.jsonl": ["\n\n", /^lcomp: empty\.jsonl is empty; give a text\n$/],
    "short.txt": [
      "Hello",
      /^problem: the length of a window is 32, and must be at most \d, all tokens of `text\.train` \[out-of-range\]\n *--> half/,
    ],
    "binary.txt": [new Uint8Array(2000).fill(0xfe), /^lcomp: binary\.txt is not UTF-8 text; convert it to UTF-8\n$/],
    "other.jsonl": [
      '{"text": "a"}\n{"body": "b"}\n',
      /^lcomp: other\.jsonl, line 2, must be a JSON object with a string in "text"; /,
    ],
    "table.csv": [
      "a,b\n",
      /^lcomp: table\.csv must be a \.txt \(one stream\) or a \.jsonl \(.*\); convert it, or rename one that is\n$/,
    ],
  };
  for (const [name, [content, message]] of Object.entries(texts)) {
    test(
      name,
      prepared((folder) => {
        writeFileSync(join(folder, name), content);
        const args = given.map((arg) => (arg === "text.jsonl" ? name : arg));
        refusedWith(attempt(folder, ...args), 1, message, [...left, name].sort());
      }),
    );
  }
});

suite("hostile: output", ({ test }) => {
  const to = (folder: string, out: string): Attempt =>
    attempt(folder, ...given.map((arg) => (arg === "out" ? out : arg)));

  test(
    "a folder that is not empty, a file, and places that take none",
    prepared((folder) => {
      mkdirSync(join(folder, "full"));
      writeFileSync(join(folder, "full/mine.txt"), "mine");
      symlinkSync("full", join(folder, "link"));
      const all = [...left, "full", "link"].sort();
      const cases: readonly (readonly [string, RegExp])[] = [
        [
          "full",
          /^lcomp: cannot write \S+full: the folder is not empty, and no result of lcomp \(it has no lcomp\.lock\.json\); choose another one\n$/,
        ],
        ["link", /^lcomp: cannot write \S+full: the folder is not empty, /],
        [
          "text.jsonl",
          /^lcomp: will not write \S+text\.jsonl: it is the text \(text\.jsonl\); choose another place\n$/,
        ],
        ["text.jsonl/out", /^lcomp: cannot write \S+text\.jsonl\/out: a part of this path is a file, not a folder\n$/],
        ["/proc/lcomp/out", /^lcomp: cannot write \/proc\/lcomp: no folder can be made there; choose another place\n$/],
        [
          "/proc/self/out",
          /^lcomp: cannot write \/proc\/\d+\/out: no folder can be made there; choose another place\n$/,
        ],
        ["/dev/full", /^lcomp: cannot write \/dev\/full: a file is there; choose another folder\n$/],
      ];
      for (const [out, message] of cases) refusedWith(to(folder, out), 1, message, all);
      assert.equal(readdirSync(join(folder, "full")), ["mine.txt"]);
    }),
  );

  test(
    "a disk that cannot hold the result",
    prepared((folder) => {
      const args = given.map((arg) => (arg === "out" ? "disk/new/out" : arg));
      const { stdout, stderr, isMounted } = onSmallDisk(folder, 1, [process.execPath, launcher, ...args]);
      const message = isMounted
        ? /^lcomp: cannot write \S+disk\/new\/out: it needs \S+ [KM]iB and \S+ [KM]iB are free; free some space .*\n$/
        : /^lcomp: cannot write \S+disk\/new\/out: the disk is full; free .*\n$/;
      assert.match(stderr, message);
      assert.is(stdout, "status 1\n", "nothing is left on the disk");
    }),
  );

  test(
    "nothing but what usage allows",
    prepared((folder) => {
      const usages: readonly (readonly [readonly string[], RegExp])[] = [
        [given.slice(0, 3), /^lcomp: --model needs a value\n$/],
        [["run", "--out", "out"], /^lcomp: something is missing: lcomp run <RECIPE>; lcomp run --help says more\n$/],
        [
          ["compile", "half.lcomp", "--emit", "stars"],
          /^lcomp: --emit stars is none of tree, types, built, graph, summed, divided, groups, kernels, wgsl, plan\n$/,
        ],
      ];
      for (const [args, message] of usages) refusedWith(attempt(folder, ...args), 2, message, left);
      const lengths: readonly (readonly [string, RegExp])[] = [
        ["0", /^problem: the length of a window is 0, and must be a whole number from 2 /],
        ["1e9", /^problem: the length of a window is 1000000000, and must be at most \d+, all tokens of `text\.test` /],
        ["many", /^problem: there is no value `many` here/],
      ];
      for (const [value, message] of lengths)
        refusedWith(
          attempt(folder, "eval", "model", "--text", "text.jsonl", "--length", value, "--quiet"),
          1,
          message,
          left,
        );
    }),
  );
});
