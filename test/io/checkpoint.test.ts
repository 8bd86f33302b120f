import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint, requireFinite, requireSize } from "../../runtime/io/checkpoint.ts";
import type { StoredTensor } from "../../runtime/io/safetensors.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { inFolder, refused, writeSafetensors } from "./folder.ts";
import { readWeight } from "./tensors.ts";

const f32 = (from: number, to: number) => ({ dtype: "F32", shape: [(to - from) / 4], data_offsets: [from, to] });

/** A sound folder: config, one shard with a and b, one with c, and the index. */
function writeModel(folder: string, weightMap?: Record<string, unknown>): void {
  writeFileSync(join(folder, "config.json"), '{"vocab_size": 8, "hidden_size": -3, "layers": 1e300, "heads": "4"}');
  writeSafetensors(folder, { a: f32(0, 8), b: f32(8, 12) }, 12, "one.safetensors");
  writeSafetensors(folder, { c: f32(0, 4) }, 4, "two.safetensors");
  const whole = { a: "one.safetensors", b: "one.safetensors", c: "two.safetensors" };
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap ?? whole }));
}

const tiny = join(import.meta.dirname, "../../examples/tiny");

function openFolders({ test }: Suite): void {
  test(
    "a sharded folder gives the tensors of all its shards",
    inFolder(async (folder) => {
      writeModel(folder);
      const { tensors } = await openCheckpoint(folder);
      assert.equal([...tensors.keys()], ["a", "b", "c"]);
      assert.is(tensors.get("c")?.path, join(folder, "two.safetensors"));
      assert.equal(await readWeight(tensors.get("a") as StoredTensor), Float32Array.of(0, 0));
    }),
  );

  test(
    "a missing shard, file or folder is refused by name",
    inFolder(async (folder) => {
      writeModel(folder);
      rmSync(join(folder, "two.safetensors"));
      await refused(() => openCheckpoint(folder), /shard two.safetensors is missing from .*; download it/);
      rmSync(join(folder, "model.safetensors.index.json"));
      await refused(() => openCheckpoint(folder), /neither model.safetensors nor .*\(one.safetensors is not read\)/);
      await refused(() => openCheckpoint(join(folder, "config.json")), /is a file; give the folder/);
      await refused(() => openCheckpoint(join(folder, "absent")), /cannot open .*absent: there is no such/);
      for (const [text, message] of [
        ["{", /config.json is not valid JSON/],
        ["[]", /must hold a JSON object/],
        ["\xff", /is not valid JSON/],
      ] as const) {
        writeFileSync(join(folder, "config.json"), text);
        await refused(() => openCheckpoint(folder), message);
      }
      rmSync(join(folder, "config.json"));
      await refused(() => openCheckpoint(folder), /has no config.json/);
    }),
  );

  test(
    "a config.json that names another config, or other weights, is refused",
    inFolder(async (folder) => {
      writeModel(folder);
      const write = (config: object) => writeFileSync(join(folder, "config.json"), JSON.stringify(config));
      write({ configuration_files: ["config.4.0.0.json"] });
      await refused(
        () => openCheckpoint(folder),
        /says to read \["config.4.0.0.json"\].*name that file config.json, and/,
      );
      write({ transformers_weights: "other.safetensors" });
      await refused(
        () => openCheckpoint(folder),
        /says to read "other.safetensors" .*name that file model.safetensors or/,
      );
      write({ configuration_files: [], transformers_weights: null });
      assert.is((await openCheckpoint(folder)).tensors.size, 3);
    }),
  );

  test(
    "JSON as Python writes it is read: byte order marks, infinities and NaN outside of strings",
    inFolder(async (folder) => {
      writeModel(folder);
      const text = '\uFEFF{"a": Infinity, "b": [-Infinity, NaN], "c": "Infinity \\\\", "NaN": "say \\"NaN\\""}';
      writeFileSync(join(folder, "config.json"), text);
      const { config } = await openCheckpoint(folder);
      const read = {
        a: Number.POSITIVE_INFINITY,
        b: [Number.NEGATIVE_INFINITY, "NaN"],
        c: "Infinity \\",
        NaN: 'say "NaN"',
      };
      assert.equal(config, read);
      writeFileSync(join(folder, "config.json"), '{\n"a": Infinity,\n}');
      await refused(() => openCheckpoint(folder), /config.json is not valid JSON; .* \(line 3, column \d+\)$/);
    }),
  );

  test(
    "a name on the Hub, and the root of a model in its cache, come with the way to the model",
    inFolder(async (folder) => {
      await refused(
        () => openCheckpoint("org-of-nobody/name"),
        /lcomp does not download: `hf download org-of-nobody\/name/,
      );
      await refused(() => openCheckpoint("name-of-nothing"), /lcomp does not download/);
      await refused(() => openCheckpoint("./org-of-nobody/name"), /cannot open .*: there is no such file or folder/);
      for (const name of ["aaaa", "bbbb"]) {
        mkdirSync(join(folder, "snapshots", name), { recursive: true });
        writeFileSync(join(folder, "snapshots", name, "config.json"), "{}");
      }
      await refused(() => openCheckpoint(folder), /has no config.json; .*snapshots\/aaaa has one: give that folder/);
      mkdirSync(join(folder, "refs"));
      writeFileSync(join(folder, "refs/main"), "bbbb");
      await refused(() => openCheckpoint(folder), /snapshots\/bbbb has one/);
    }),
  );

  test(
    "an index that does not agree with its shards is refused",
    inFolder(async (folder) => {
      writeModel(folder, { a: "one.safetensors", d: "two.safetensors" });
      await refused(() => openCheckpoint(folder), /says that d is in two.safetensors, which does not hold it/);
      writeModel(folder, { a: "two.safetensors", b: "one.safetensors" });
      await refused(() => openCheckpoint(folder), /says that a is in two.safetensors/);
      writeModel(folder, { a: "one.safetensors", c: "three.safetensors" });
      cpSync(join(folder, "one.safetensors"), join(folder, "three.safetensors"));
      await refused(() => openCheckpoint(folder), /tensor a is in both .*one.safetensors and .*three.safetensors/);
      writeFileSync(join(folder, "model.safetensors.index.json"), '{"weight_map": ["a"]}');
      await refused(() => openCheckpoint(folder), /has no weight_map/);
    }),
  );

  test(
    "an index never leads out of the folder",
    inFolder(async (folder) => {
      for (const name of ["../x.safetensors", "/etc/passwd", "sub/../../x", "..\\x", "C:\\x", "\\\\host\\x", "a\0b"]) {
        writeModel(folder, { a: name });
        await refused(() => openCheckpoint(folder), /places a outside of the model's folder .*refused/);
      }
      for (const name of ["", 3, null, {}]) {
        writeModel(folder, { a: name });
        await refused(() => openCheckpoint(folder), /names no file for a/);
      }
    }),
  );
}

function checkContents({ test }: Suite): void {
  test(
    "a size of the config must be a whole number in range",
    inFolder(async (folder) => {
      writeModel(folder);
      const checkpoint = await openCheckpoint(folder);
      assert.is(requireSize(checkpoint, "vocab_size"), 8);
      await refused(() => requireSize(checkpoint, "hidden_size"), /hidden_size in .*config.json must be .*; it is -3/);
      await refused(() => requireSize(checkpoint, "layers"), /it is 1e\+300/);
      await refused(() => requireSize(checkpoint, "heads"), /it is "4"/);
      await refused(() => requireSize(checkpoint, "other"), /it is missing/);
    }),
  );

  test(
    "companions are the small files of the folder, and no link leads out of it",
    inFolder(async (outer) => {
      const folder = join(outer, "model");
      mkdirSync(join(folder, "original"), { recursive: true });
      writeModel(folder);
      for (const name of [
        "tokenizer.json",
        "merges.txt",
        "LICENSE",
        "README.md",
        ".hidden",
        "pytorch_model.bin",
        "x.gguf",
      ]) {
        writeFileSync(join(folder, name), "1");
      }
      writeFileSync(join(outer, "secret"), "1");
      symlinkSync("../secret", join(folder, "link.json"));
      symlinkSync("tokenizer.json", join(folder, "vocab.json"));
      symlinkSync("nowhere", join(folder, "dangling.json"));
      const { companions, leftBehind } = await openCheckpoint(folder);
      assert.equal(companions, ["LICENSE", "merges.txt", "tokenizer.json", "vocab.json"]);
      const names = leftBehind.map(({ name }) => name);
      assert.equal(names, [
        ".hidden",
        "README.md",
        "dangling.json",
        "link.json",
        "original/",
        "pytorch_model.bin",
        "x.gguf",
      ]);
    }),
  );

  test(
    "the links of Hugging Face's cache are followed to its blobs",
    inFolder(async (outer) => {
      const folder = join(outer, "snapshots/0123");
      mkdirSync(folder, { recursive: true });
      mkdirSync(join(outer, "blobs"));
      writeModel(folder);
      writeFileSync(join(outer, "blobs/abcd"), "{}");
      symlinkSync("../../blobs/abcd", join(folder, "tokenizer.json"));
      assert.equal((await openCheckpoint(folder)).companions, ["tokenizer.json"]);
    }),
  );
}

function readWeights({ test }: Suite): void {
  test(
    "a weight with a NaN or of a type that is not read is refused by tensor and index",
    inFolder(async (folder) => {
      writeModel(folder);
      const values = Float32Array.of(0, 1, 2, 3, Number.NaN, 5);
      const header = { w: { dtype: "F32", shape: [3, 2], data_offsets: [0, 24] } };
      writeSafetensors(folder, header, new Uint8Array(values.buffer));
      const w = (await openCheckpoint(folder)).tensors.get("w") as StoredTensor;
      await refused(() => readWeight(w), /tensor w in .*model.safetensors holds NaN at \[2, 0\]/);
      const row = new Uint8Array(Float32Array.of(4, Number.NEGATIVE_INFINITY).buffer);
      await refused(() => requireFinite(w, row, 4), /holds -Infinity at \[2, 1\]/);
      writeSafetensors(folder, { w: { dtype: "I64", shape: [3], data_offsets: [0, 24] } }, 24);
      const whole = (await openCheckpoint(folder)).tensors.get("w") as StoredTensor;
      await refused(() => readWeight(whole), /tensor w in .* is I64; lcomp reads F32, F16 and BF16/);
    }),
  );
}

function readExample({ test, skip }: Suite): void {
  const example = existsSync(tiny) ? test : (name: string) => skip(name, "examples/tiny is absent");
  example("the example model opens, every weight finite", async () => {
    const { tensors, companions } = await openCheckpoint(tiny);
    let parameters = 0;
    for (const tensor of tensors.values()) parameters += (await readWeight(tensor)).length;
    assert.is(parameters, 918_656);
    for (const name of [
      "generation_config.json",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]) {
      assert.ok(companions.includes(name), name);
    }
  });
}

suite("io: checkpoint", (t) => {
  openFolders(t);
  checkContents(t);
  readWeights(t);
  readExample(t);
});
