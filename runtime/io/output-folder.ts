// A folder that appears complete or not at all: everything is written to a hidden sibling, renamed at the end.
// Opening, finishing and aborting are synchronous, so that a signal never finds one of them half done.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { statfs, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { UserError } from "../user-error.ts";
import { explained, explainedNow, isMissing, withFile } from "./file.ts";
import type { TensorDeclaration } from "./safetensors.ts";
import { byText, declaredBytes, SafetensorsWriter } from "./safetensors-writer.ts";

/** The size above which weights are split into several files, as Hugging Face does by default. */
const shardLimit = 5_000_000_000;

/** Where the tensors of an output folder are written: each byte of each declared tensor once, in any order. */
export interface TensorOutput {
  readonly write: (name: string, bytes: Uint8Array, at?: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A result folder being written. `finish` or `abort` ends its life. */
export class OutputFolder {
  readonly target: string;
  /** The hidden folder that holds what is written so far. */
  readonly partial: string;
  readonly #parents: readonly string[];
  readonly #force: boolean;
  readonly #writers: SafetensorsWriter[] = [];
  #ended = false;

  /** Checks that the target may be written and makes the hidden folder; `force` allows to replace what is there. */
  constructor(path: string, { force = false }: { readonly force?: boolean } = {}) {
    this.#force = force;
    this.target = finalTarget(path);
    checkTarget(this.target, force);
    this.#parents = makeParents(dirname(this.target));
    this.partial = makeSibling(this.target, "partial");
  }

  /** Writes a small file. */
  async write(name: string, contents: string | Uint8Array): Promise<void> {
    await explained("write", join(this.target, name), () => writeFile(join(this.partial, name), contents));
  }

  /** Copies files of another folder, byte for byte; a name that has been written before is left as it is. */
  async copy(from: string, names: readonly string[]): Promise<void> {
    for (const name of names) {
      const path = join(this.partial, name);
      if (existsSync(path)) continue;
      await withFile(join(from, name), async ({ handle }) => {
        const stream = handle.createReadStream({ autoClose: false });
        await explained("write", join(this.target, name), () => writeFile(path, stream));
      });
    }
  }

  /** Declares the weights; they go to one file, or above `limit` bytes to numbered ones with an index. */
  async tensors(
    declarations: readonly TensorDeclaration[],
    { limit = shardLimit, metadata }: { readonly limit?: number; readonly metadata?: Record<string, string> } = {},
  ): Promise<TensorOutput> {
    const total = declarations.reduce((sum, declaration) => sum + declaredBytes(declaration), 0);
    await this.#requireSpace(total);
    const shards = shard(declarations, total, limit);
    const home = new Map<string, SafetensorsWriter>();
    for (const [name, members] of shards) {
      const options = { metadata, shownAs: join(this.target, name) };
      const writer = await SafetensorsWriter.create(join(this.partial, name), members, options);
      this.#writers.push(writer);
      for (const member of members) home.set(member.name, writer);
    }
    if (shards.size > 1) await this.write("model.safetensors.index.json", indexText(shards, total));
    return {
      write: async (name, bytes, at) => {
        const writer = home.get(name);
        if (!writer) throw new RangeError(`tensor ${name} was not declared`);
        await writer.write(name, bytes, at);
      },
      close: async () => {
        for (const writer of this.#writers.splice(0)) await writer.close();
      },
    };
  }

  /** Puts the complete folder in its place. */
  finish(): void {
    if (this.#ended || this.#writers.length > 0) throw new Error(`${this.target} is not ready to be finished`);
    explainedNow("write", this.target, () => {
      checkTarget(this.target, this.#force);
      replace(this.partial, this.target);
    });
    this.#ended = true;
  }

  /** Removes everything that was written. Harmless after `finish` and when called twice. */
  abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const writer of this.#writers) writer.abandon().catch(() => {}); // the file is gone, whatever closing says
    rmSync(this.partial, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    for (const parent of this.#parents.toReversed()) {
      if (!existsSync(parent) || readdirSync(parent).length > 0) return;
      rmdirSync(parent);
    }
  }

  async #requireSpace(bytes: number): Promise<void> {
    const { bavail, blocks, bsize } = await explained("write", this.target, () => statfs(this.partial));
    const free = bavail * bsize;
    if (blocks === 0 || free >= bytes) return; // some file systems do not say
    throw new UserError(
      `cannot write ${this.target}: it needs ${megabytes(bytes)} and ${megabytes(free)} are free; free some space or choose another place`,
    );
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** The absolute target; a link to a folder is followed, so that the folder is replaced and not the link. */
function finalTarget(path: string): string {
  const target = resolve(path);
  return explainedNow("write", target, () => {
    if (!lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink()) return target;
    return realpathSync(target);
  });
}

function checkTarget(target: string, force: boolean): void {
  const status = explainedNow("write", target, () => statSync(target, { throwIfNoEntry: false }));
  if (status === undefined) return;
  if (!status.isDirectory()) throw new UserError(`cannot write ${target}: a file is there; choose another folder`);
  const names = explainedNow("write", target, () => readdirSync(target));
  if (names.length > 0 && !force) {
    throw new UserError(
      `cannot write ${target}: the folder is not empty; choose another one or add --force to replace it`,
    );
  }
  const real = realpathSync(target);
  const holds = (path: string) => `${path}${sep}`.startsWith(real.endsWith(sep) ? real : `${real}${sep}`);
  const precious = holds(process.cwd()) ? "the working directory" : holds(homedir()) ? "the home directory" : undefined;
  if (names.length > 0 && (precious !== undefined || names.includes(".git"))) {
    throw new UserError(
      `will not replace ${target}: it holds ${precious ?? "a Git repository"}; choose another folder`,
    );
  }
}

/** Makes the missing folders above a target and returns them. Not `recursive`: under /proc that never returns. */
function makeParents(parent: string): readonly string[] {
  const missing: string[] = [];
  for (let path = parent; !existsSync(path); path = dirname(path)) missing.unshift(path);
  const made: string[] = [];
  try {
    for (const path of missing) {
      makeFolder(path, path);
      made.push(path);
    }
  } catch (error) {
    for (const path of made.toReversed()) rmdirSync(path);
    throw error;
  }
  return made;
}

/** Makes a folder in one that is there: what the system calls absent is then a place that takes none, such as /proc. */
function makeFolder(path: string, shownAs: string): void {
  try {
    explainedNow("write", shownAs, () => mkdirSync(path));
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new UserError(`cannot write ${shownAs}: no folder can be made there; choose another place`, { cause: error });
  }
}

/** Makes a hidden folder beside the target, hence on its file system. */
function makeSibling(target: string, purpose: string): string {
  for (let attempt = 0; ; attempt++) {
    const suffix = attempt === 0 ? "" : `-${attempt}`;
    const path = join(dirname(target), `.${basename(target)}.${purpose}-${process.pid}${suffix}`);
    if (existsSync(path)) continue;
    makeFolder(path, target);
    return path;
  }
}

/** Renames a folder over a target, which survives under another name until the new one is in its place. */
function replace(folder: string, target: string): void {
  if (!existsSync(target)) {
    renameSync(folder, target);
    return;
  }
  const old = makeSibling(target, "replaced");
  rmdirSync(old);
  renameSync(target, old);
  try {
    renameSync(folder, target);
  } catch (error) {
    renameSync(old, target);
    throw error;
  }
  rmSync(old, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
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
