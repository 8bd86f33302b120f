/** Whatever is given as input and as target, in whatever words: no byte of an input, and nothing that lcomp did not write, is lost. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import * as assert from "uvu/assert";
import type { Input } from "../../runtime/io/apart.ts";
import { OutputFolder } from "../../runtime/io/output-folder.ts";
import { UserError } from "../../runtime/user-error.ts";
import { suite } from "../harness/suite.ts";
import { randomOf, seed } from "../ops/random.ts";

const lock = "lcomp.lock.json";

/** Every file by its path, every link by where it points. */
function contents(folder: string): ReadonlyMap<string, string> {
  const each = readdirSync(folder, { withFileTypes: true }).map((entry): ReadonlyMap<string, string> => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return contents(path);
    return new Map([[path, entry.isFile() ? readFileSync(path, "latin1") : `link to ${readlinkSync(path)}`]]);
  });
  return new Map(each.flatMap((map) => [...map]));
}

/** What one reads at a path: a file, or the files in a folder and in its folders. */
function reading(path: string, depth: number): ReadonlyMap<string, string> {
  if (!existsSync(path)) return new Map();
  if (!statSync(path).isDirectory()) return new Map([[path, readFileSync(path, "latin1")]]);
  const names = depth === 0 ? [] : readdirSync(path);
  return new Map(names.flatMap((name) => [...reading(join(path, name), depth - 1)]));
}

/** A tree of models, texts, recipes, earlier results and other things, with links among them. */
class World {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "lcomp-world-")));
  readonly folders: string[] = [this.root];
  readonly files: string[] = [];
  readonly results: string[] = [];
  readonly pick: (count: number) => number;
  #count = 0;

  constructor(pick: (count: number) => number) {
    this.pick = pick;
    const kinds = [() => this.model(), () => this.text(), () => this.result(), () => this.other(), () => this.link()];
    for (let i = 0; i < 4 + pick(10); i++) this.one(kinds)();
  }

  one<T>(from: readonly T[]): T {
    return from[this.pick(from.length)] as T;
  }

  /** A new name in one of the folders. */
  #place(kind: string): string {
    return join(this.one(this.folders), `${kind}${this.#count++}`);
  }

  #folder(kind: string): string {
    const path = this.#place(kind);
    mkdirSync(path);
    this.folders.push(path);
    return path;
  }

  #file(path: string): void {
    if (this.files.length > 0 && this.pick(8) === 0) linkSync(this.one(this.files), path);
    else if (this.files.length > 0 && this.pick(6) === 0) symlinkSync(this.one(this.files), path);
    else writeFileSync(path, `${basename(path)} ${this.#count++}`);
    if (!existsSync(path)) return;
    this.files.push(path);
  }

  model(): void {
    const folder = this.#folder("model");
    for (const name of ["config.json", "model.safetensors"]) this.#file(join(folder, name));
    if (this.pick(3) === 0) mkdirSync(join(folder, "original"));
  }

  text(): void {
    this.#file(this.pick(2) === 0 ? join(this.#folder("text"), "train.txt") : `${this.#place("text")}.txt`);
  }

  /** With what its lock names, which is lcomp's to replace. */
  result(): void {
    const folder = this.#folder("result");
    const files = ["config.json", "model.safetensors"].filter(() => this.pick(4) > 0);
    for (const name of files) writeFileSync(join(folder, name), `made ${this.#count++}`);
    writeFileSync(join(folder, lock), JSON.stringify({ files: [...files, lock] }));
    this.results.push(realpathSync(folder));
    this.files.push(...files.map((name) => join(folder, name)));
  }

  other(): void {
    if (this.pick(2) === 0) this.#folder("empty");
    else this.#file(this.#place("thesis"));
  }

  link(): void {
    const path = this.#place("link");
    const to = this.pick(2) === 0 ? this.one(this.folders) : this.one([...this.files, ...this.folders]);
    symlinkSync(this.pick(2) === 0 ? to : relative(realpathSync(dirname(path)), to) || ".", path);
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) this.folders.push(path);
    else this.files.push(path);
  }

  /** One of the ways to write a path. */
  spelt(path: string): string {
    const through = this.one(this.folders);
    const ways = [
      path,
      `${dirname(path)}//./${basename(path)}`,
      existsSync(path) && statSync(path).isDirectory() ? `${path}/` : path,
      relative(process.cwd(), path),
      join(through, relative(through, path)),
      `${through}/${relative(realpathSync(through), path)}`,
    ];
    return this.one(ways);
  }
}

/** What the command line says of a model, a text and a recipe. */
function inputsOf(world: World): readonly Input[] {
  const model = { what: "the model", path: world.spelt(world.one(world.folders)), reads: () => true };
  const text = {
    what: "the text",
    path: world.spelt(world.one([...world.files, ...world.folders])),
    reads: () => false,
  };
  const recipe = {
    what: "the recipe",
    path: world.spelt(world.one([...world.files, join(world.root, "none")])),
    reads: () => false,
  };
  return [model, text, recipe].slice(0, 1 + world.pick(3));
}

/** Writes a result, gives up, or breaks off; says whether there must be a new result. */
async function write(world: World, target: string, inputs: readonly Input[]): Promise<string | undefined> {
  const force = world.pick(4) > 0;
  let output: OutputFolder;
  try {
    output = new OutputFolder(target, { force, inputs });
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
  await output.write("model.safetensors", "new");
  await output.write(lock, JSON.stringify({ files: ["model.safetensors", lock] }));
  const isKept = world.pick(4) > 0;
  if (isKept) output.finish();
  output.abort();
  return isKept ? output.target : undefined;
}

async function checkWorld(round: number): Promise<"kept" | "refused"> {
  const random = randomOf("worlds", round);
  const world = new World((count) => random.integer(0, count - 1));
  try {
    const before = contents(world.root);
    const inputs = inputsOf(world);
    const target = world.spelt(
      world.pick(3) === 0 ? join(world.one(world.folders), "new") : world.one([...world.folders, ...world.results]),
    );
    const read = inputs.map(({ what, path }) => reading(path, what === "the model" ? 2 : 1));
    const written = await write(world, target, inputs);
    const say = `round ${round}, seed ${seed}: --out ${target}, inputs ${inputs.map(({ path }) => path).join(", ")}: `;
    if (written === undefined) {
      assert.equal([...contents(world.root)], [...before], `${say}something changed`);
      return "refused";
    }
    assert.equal(readFileSync(join(written, "model.safetensors"), "utf8"), "new", `${say}the result is not there`);
    const reads = new Map(inputs.flatMap(({ what, path }) => [...reading(path, what === "the model" ? 2 : 1)]));
    for (const [path, content] of read.flatMap((each) => [...each]))
      assert.is(reads.get(path), content, `${say}${path} reads differently`);
    const after = contents(world.root);
    for (const [path, content] of before) {
      const isOwn = world.results.includes(written) && dirname(path) === written;
      if (!isOwn) assert.is(after.get(path), content, `${say}${path} is lost`);
    }
    return "kept";
  } finally {
    rmSync(world.root, { recursive: true });
  }
}

const rounds = 400;

suite(`io: inputs outlast outputs, LCOMP_SEED=${seed}`, ({ test }) => {
  test(`${rounds} random trees, inputs and targets`, async () => {
    const ends = [];
    for (let round = 0; round < rounds; round++) ends.push(await checkWorld(round));
    const kept = ends.filter((end) => end === "kept").length;
    assert.ok(kept > rounds / 10 && kept < rounds * 0.9, `${kept} of ${rounds} results were written`);
  });
});
