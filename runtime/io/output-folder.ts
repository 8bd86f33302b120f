// A folder that appears complete or not at all: everything is written to a hidden sibling, renamed at the end.
// Opening, finishing and aborting are synchronous, so that a signal never finds one of them half done.
import type { Hash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../user-error.ts";
import { type Input, requireApart } from "./apart.ts";
import { explained, explainedNow, isJsonObject, parseJson, withFile } from "./file.ts";
import { claim, finalTarget, makeFolders, removeEmpty, removeFolder } from "./folders.ts";
import { hashing } from "./hash.ts";
import { filesIn, lockName } from "./lock.ts";
import type { TensorDeclaration } from "./safetensors.ts";
import { byText, declaredBytes, inFileOrder, SafetensorsWriter } from "./safetensors-writer.ts";
import { requireSpace } from "./space.ts";
import { hiddenBeside, type Unfinished, unfinishedBeside } from "./unfinished.ts";

/** The size above which weights are split into several files, as Hugging Face does by default. */
const shardLimit = 5_000_000_000;

/** Where the tensors of an output folder are written: each byte of each declared tensor once, in any order. */
export interface TensorOutput {
  /** All names, in the order in which the tensors lie in the files: in this order they are hashed as they are written. */
  readonly order: readonly string[];
  readonly bytes: number;
  readonly write: (name: string, bytes: Uint8Array, at?: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

interface TensorOptions {
  readonly limit?: number;
  readonly metadata?: Record<string, string>;
  readonly into?: string;
  /** What the one file is called that all go to, whatever its size. */
  readonly file?: string;
}

interface OutputOptions {
  /** Allows to replace an earlier result. */
  readonly force?: boolean;
  /** What the run reads. */
  readonly inputs?: readonly Input[];
}

/** A result folder being written. `finish` or `abort` ends its life. */
export class OutputFolder {
  readonly target: string;
  /** The hidden folder that holds what is written so far. */
  readonly partial: string;
  /** Sentences about what killed runs had left beside the target, which is put in order. */
  readonly repairs: readonly string[];
  readonly #parents: readonly string[];
  readonly #check: () => void;
  readonly #writers = new Map<string, SafetensorsWriter>();
  readonly #hashes = new Map<string, string>();
  #ended = false;

  /** Checks that the target may be written, that no other run writes it, and makes the hidden folder. */
  constructor(path: string, { force = false, inputs = [] }: OutputOptions = {}) {
    const target = finalTarget(path);
    this.target = target;
    requireApart(target, inputs);
    this.repairs = existsSync(dirname(target)) ? tidy(target, inputs) : [];
    this.#check = () => {
      requireApart(target, inputs);
      requireReplaceable(target, force);
    };
    this.#check();
    this.#parents = makeFolders(dirname(target));
    try {
      this.partial = claim(target, target, (rival) => `cannot write ${target}: ${busy(rival)}`);
    } catch (error) {
      removeEmpty(this.#parents);
      throw error;
    }
  }

  /** Writes a small file. */
  async write(name: string, contents: string | Uint8Array): Promise<void> {
    await this.#put(name, contents);
  }

  /** Writes a file of any size, piece after piece. */
  async stream(name: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#put(name, pieces);
  }

  /** Copies files of another folder and of its folders, byte for byte, behind `into`; a name that has been written before is left as it is. */
  async copy(from: string, names: readonly string[], into = ""): Promise<void> {
    for (const name of names) {
      const to = into + name;
      if (existsSync(join(this.partial, to))) continue;
      await withFile(join(from, name), ({ handle }) => this.#put(to, handle.createReadStream({ autoClose: false })));
    }
  }

  /** Declares the weights; they go to one file, or above `limit` bytes to numbered ones with an index, all with `into` before their names. */
  async tensors(
    declarations: readonly TensorDeclaration[],
    { limit = shardLimit, metadata, into = "", file }: TensorOptions = {},
  ): Promise<TensorOutput> {
    const total = declarations.reduce((sum, declaration) => sum + declaredBytes(declaration), 0);
    await this.requireSpace(total);
    const shards = file === undefined ? shard(declarations, total, limit) : new Map([[file, declarations]]);
    const home = new Map<string, SafetensorsWriter>();
    mkdirSync(join(this.partial, into), { recursive: true });
    for (const [each, members] of shards) {
      const name = into + each;
      const options = { metadata, shownAs: join(this.target, name) };
      const writer = await SafetensorsWriter.create(join(this.partial, name), members, options);
      this.#writers.set(name, writer);
      for (const member of members) home.set(member.name, writer);
    }
    if (shards.size > 1) await this.write(`${into}model.safetensors.index.json`, indexText(shards, total));
    return {
      bytes: total,
      order: [...shards.values()].flatMap((members) => inFileOrder(members).map(({ name }) => name)),
      write: async (name, bytes, at) => {
        const writer = home.get(name);
        if (!writer) throw new RangeError(`tensor ${name} was not declared`);
        await writer.write(name, bytes, at);
      },
      close: async () => {
        for (const [name, writer] of this.#writers) {
          this.#writers.delete(name);
          this.#hashes.set(name, await writer.close());
        }
      },
    };
  }

  /** The sha256 of the files that are written, by their paths in the folder, in order. */
  hashes(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#hashes].sort(([a], [b]) => byText(a, b)));
  }

  /**
   * Puts the complete folder in its place, or, where somebody has taken that meanwhile, beside it, which the error says. Returns
   * sentences about what could not be put in order.
   */
  finish(): readonly string[] {
    if (this.#ended || this.#writers.size > 0) throw new Error(`${this.target} is not ready to be finished`);
    try {
      return explainedNow("write", this.target, () => {
        this.#check();
        const left = replace(this.partial, this.target);
        this.#ended = true;
        return left;
      });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const place = freeBeside(this.target);
      explainedNow("write", place, () => renameSync(this.partial, place));
      this.#ended = true;
      throw new UserError(`${error.message}. The result is complete and lies in ${place}`, { cause: error });
    }
  }

  /** Refuses what the disk cannot hold. */
  async requireSpace(bytes: number): Promise<void> {
    await requireSpace(this.partial, this.target, bytes);
  }

  /** Removes everything that was written. Harmless after `finish` and when called twice. */
  abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const writer of this.#writers.values()) writer.abandon().catch(() => {}); // the file is gone, whatever closing says
    removeFolder(this.partial);
    removeEmpty(this.#parents);
  }

  /** Writes a file and waits until it is on the disk: a result that is there is there after a loss of power, too. */
  async #put(name: string, contents: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    const path = join(this.partial, name);
    await explained("write", join(this.target, name), async () => {
      mkdirSync(dirname(path), { recursive: true });
      await using file = await open(path, "w");
      const hash = hashing();
      await file.writeFile(hashedBy(hash, contents));
      await file.sync();
      this.#hashes.set(name, hash.digest("hex"));
    });
  }
}

/** What is written, which is hashed as it is. */
async function* hashedBy(
  hash: Hash,
  contents: string | Uint8Array | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const pieces = typeof contents === "string" ? [new TextEncoder().encode(contents)] : contents;
  for await (const piece of pieces instanceof Uint8Array ? [pieces] : pieces) {
    hash.update(piece);
    yield piece;
  }
}

/** A target may be written if it is absent or empty, and replaced if all that it holds is of an earlier result. */
function requireReplaceable(target: string, force: boolean): void {
  const status = explainedNow("write", target, () => statSync(target, { throwIfNoEntry: false }));
  if (status === undefined) return;
  if (!status.isDirectory()) throw new UserError(`cannot write ${target}: a file is there; choose another folder`);
  const names = explainedNow("read", target, () => readdirSync(target));
  if (names.length === 0) return;
  const isResult = names.includes(lockName);
  if (!isResult) {
    const what = "the folder is not empty, and no result of lcomp (it has no lcomp.lock.json)";
    throw new UserError(`cannot write ${target}: ${what}; choose another one`);
  }
  if (!force)
    throw new UserError(
      `cannot write ${target}: the folder is not empty; choose another one or add --force to replace it`,
    );
  explainedNow("write", target, () => accessSync(target, constants.W_OK));
  const stray = explainedNow("read", target, () => strayIn(target));
  if (stray !== undefined) {
    const way = "move it away or choose another folder";
    throw new UserError(`will not replace ${target}: ${stray} in it is not of the result that is there; ${way}`);
  }
}

/** A file in a result's folder that its lock does not name; where it names none, all but a repository is taken as its own. */
function strayIn(folder: string): string | undefined {
  const names = filesIn(folder);
  const lock: unknown = parseJson(readFileSync(join(folder, lockName), "utf8") || "{}", join(folder, lockName));
  const files = isJsonObject(lock) ? lock["files"] : undefined;
  const isOwn = (name: string): boolean => (Array.isArray(files) ? files.includes(name) : !name.startsWith(".git/"));
  return names.find((name) => !isOwn(name));
}

const busy = ({ path, pid, owner }: Unfinished): string =>
  owner === "alive"
    ? `another run (process ${pid}) is writing it; wait for its end or choose another folder`
    : `a run on another machine is writing it, or was ended; if none is going on, remove ${path}`;

/** Removes what killed runs left beside a target, or puts it back where that is all that there is. */
function tidy(target: string, inputs: readonly Input[]): readonly string[] {
  const left = unfinishedBeside(target).filter(({ owner }) => owner === "gone");
  return left.flatMap(({ path, purpose }) => {
    requireApart(path, inputs);
    return attempted("remove", path, () => {
      if (purpose === "earlier" && !existsSync(target)) {
        renameSync(path, target);
        return [`put ${target} back, which a run that was ended had moved away`];
      }
      removeFolder(path);
      return [`removed ${path}, left by a run that was ended`];
    });
  });
}

/** Does something that need not succeed, and returns what is to be said of it. */
function attempted(doing: string, path: string, action: () => readonly string[]): readonly string[] {
  try {
    return explainedNow(doing, path, action);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [error.message];
  }
}

/** `out-1` for `out`, or the next number that is free. */
function freeBeside(target: string): string {
  let count = 1;
  while (lstatSync(`${target}-${count}`, { throwIfNoEntry: false }) !== undefined) count++;
  return `${target}-${count}`;
}

/** Renames a folder over a target, which survives under another name until the new one is in its place. */
function replace(folder: string, target: string): readonly string[] {
  if (!existsSync(target)) {
    renameSync(folder, target);
    return [];
  }
  const old = hiddenBeside(target, "earlier");
  renameSync(target, old);
  try {
    renameSync(folder, target);
  } catch (error) {
    renameSync(old, target);
    throw error;
  }
  return attempted("remove", old, () => {
    removeFolder(old);
    return [];
  });
}

/** Fills files in the order of the names, each up to the limit; a tensor above the limit has one of its own. */
function shard(
  declarations: readonly TensorDeclaration[],
  total: number,
  limit: number,
): ReadonlyMap<string, readonly TensorDeclaration[]> {
  if (total <= limit) return new Map([["model.safetensors", declarations]]);
  const shards: TensorDeclaration[][] = [];
  let room = 0;
  for (const declaration of [...declarations].sort((a, b) => byText(a.name, b.name))) {
    const bytes = declaredBytes(declaration);
    const last = shards.at(-1);
    if (last && bytes <= room) {
      last.push(declaration);
      room -= bytes;
    } else {
      shards.push([declaration]);
      room = limit - bytes;
    }
  }
  const five = (count: number) => String(count).padStart(5, "0");
  const name = (at: number) => `model-${five(at + 1)}-of-${five(shards.length)}.safetensors`;
  return new Map(shards.map((members, at) => [name(at), members]));
}

function indexText(shards: ReadonlyMap<string, readonly TensorDeclaration[]>, total: number): string {
  const entries = [...shards].flatMap(([file, members]) => members.map(({ name }) => [name, file] as const));
  const weightMap = Object.fromEntries(entries.sort(([a], [b]) => byText(a, b)));
  return `${JSON.stringify({ metadata: { total_size: total }, weight_map: weightMap }, null, 2)}\n`;
}
