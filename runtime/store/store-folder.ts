/**
 * A store on the disk: the contents of durable outputs by their sha256, and a journal of the steps that made them. One process has it
 * at a time; what a killed one has left is taken over. Nothing that steps have made needs to be right: each line and each content is
 * compared with its hash before it is used, so that what was torn, by a loss of power too, is found and made again. Given tensors are
 * not read again where their files have the stamp that they had: whoever writes to one under the same times is believed.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { explainedNow } from "../io/file.ts";
import { claim, makeFolders, removeEmpty, removeFolder } from "../io/folders.ts";
import type { StoredTensor, TensorDeclaration } from "../io/safetensors.ts";
import { requireSpace } from "../io/space.ts";
import { clearBeside, makeBeside, type Unfinished } from "../io/unfinished.ts";
import { writeWhole } from "../io/whole-file.ts";
import { UserError } from "../user-error.ts";
import { type Content, type ContentWriter, openContent, writeContent } from "./contents.ts";
import { type Entry, entriesIn, type OutputRecord, type RunRecord, type StepRecord, showEntry } from "./journal.ts";
import type { OutputSource } from "./send-tensor.ts";
import { type StoreIndex, storeIndex } from "./store-index.ts";

/** By this file a folder is known as a store. */
export const markerName = "lcomp.store.json";
const markerText = `${JSON.stringify({ version: 1 })}\n`;

const journalIn = (folder: string): string => join(folder, "journal");
const contentsIn = (folder: string): string => join(folder, "content");

/** What a store holds, read and left as it is: nothing where there is no folder, or an empty one. */
export function readStore(path: string): StoreIndex {
  const index = storeIndex();
  if (!requireStore(path)) return index;
  const journal = journalIn(path);
  const text = existsSync(journal) ? explainedNow("read", journal, () => readFileSync(journal, "utf8")) : "";
  for (const entry of entriesIn(text)) index.add(entry);
  const contents = contentsIn(path);
  const there = new Set(existsSync(contents) ? explainedNow("read", contents, () => readdirSync(contents)) : []);
  for (const { key } of index.records())
    for (const { name, sha256, content } of index.find(key)?.outputs ?? [])
      if (content === undefined && !there.has(sha256)) index.add({ gone: { key, output: name } });
  return index;
}

/** Refuses what is no store; false where there is none yet. */
function requireStore(path: string): boolean {
  const status = explainedNow("read", path, () => statSync(path, { throwIfNoEntry: false }));
  if (status === undefined) return false;
  if (!status.isDirectory()) throw new UserError(`${path} is a file, and no store; choose another folder`);
  const marker = join(path, markerName);
  const names = explainedNow("read", path, () => readdirSync(path));
  if (names.every((name) => name.startsWith(`.${markerName}.`))) return false; // that is being written, or was
  if (!names.includes(markerName))
    throw new UserError(`${path} is no store of lcomp (it has no ${markerName}) and not empty; choose another folder`);
  if (explainedNow("read", marker, () => readFileSync(marker, "utf8")) === markerText) return true;
  throw new UserError(`${path} is a store of another version of lcomp, or damaged; use that one, or remove the folder`);
}

const refusalOf =
  (path: string) =>
  ({ pid, owner, path: claimed }: Unfinished): string =>
    owner === "alive"
      ? `the store ${path} is in use by another run (process ${pid}); wait for its end or choose another --store`
      : `the store ${path} is in use on another machine, or by a run that was ended there; if none is going on, remove ${claimed}`;

/** A store that this process has. `close` or `remove` ends that. */
export class StoreFolder {
  readonly path: string;
  readonly #index: StoreIndex;
  readonly #made: readonly string[];
  readonly #claimed: string;
  #journal: number;
  readonly #damaged: string[] = [];
  /** By content: how often it was made or opened, and not yet released. */
  readonly #held = new Map<string, number>();
  readonly #isTemporary: boolean;
  readonly #onExit = (): void => this.close();
  #count = 0;
  #ended = false;

  /**
   * Makes the folder if there is none, refuses one that is no store or in use, and takes away what nothing refers to. A temporary one
   * goes with the process in any case.
   */
  constructor(path: string, { isTemporary = false } = {}) {
    this.path = resolve(path);
    this.#isTemporary = isTemporary;
    const isNew = !requireStore(this.path);
    this.#made = makeFolders(this.path);
    let claimed: string | null = null;
    try {
      if (isNew) writeWhole(join(this.path, markerName), markerText);
      const owner = join(this.path, "owner");
      clearBeside(owner);
      claimed = claim(owner, this.path, refusalOf(this.path));
      this.#claimed = claimed;
      makeFolders(contentsIn(this.path));
      this.#index = readStore(this.path);
      this.#journal = this.#openJournal();
      this.#append("\n"); // the last line may be torn
      this.#sweep();
    } catch (error) {
      if (claimed !== null) removeFolder(claimed);
      removeEmpty(this.#made);
      throw error;
    }
    process.once("exit", this.#onExit);
  }

  /**
   * A run begins, of whose steps those with the keys `kept` are done, and which will add so many bytes: what other runs have left goes,
   * the oldest first, as far as the limit demands it.
   */
  begin({ recipe, kept, bytes, limit }: RunRecord & { readonly bytes: number; readonly limit: number }): void {
    this.#add({ run: { recipe, kept } });
    this.#drop(new Set(kept), () => this.#index.bytes() + bytes <= limit);
  }

  /** Removes what is of no recipe's newest run, and what is damaged; returns the bytes that are freed. */
  async clean(): Promise<number> {
    const before = this.#index.bytes();
    const runs = [...this.#index.runs()];
    const keys = new Set(runs.flatMap(([, own]) => [...own]));
    this.#drop(keys, () => false);
    for (const key of keys) for (const output of this.find(key)?.outputs ?? []) await this.open(key, output);
    const entries: readonly Entry[] = [
      ...this.#index.given().map((given) => ({ given })),
      ...[...keys].flatMap((key) => this.find(key) ?? []).map((done) => ({ done })),
      ...runs.map(([recipe, own]) => ({ run: { recipe, kept: [...own] } })),
    ];
    writeWhole(journalIn(this.path), entries.map(showEntry).join(""));
    closeSync(this.#journal);
    this.#journal = this.#openJournal();
    return before - this.#index.bytes();
  }

  /** Removes what steps have made, the oldest first, but for the steps with these keys. */
  #drop(kept: ReadonlySet<string>, isEnough: () => boolean): void {
    for (const { key } of this.records()) {
      if (isEnough()) return;
      if (!kept.has(key)) for (const output of this.find(key)?.outputs ?? []) this.drop(key, output);
    }
  }

  /** Whether no step has ended in it. */
  get isEmpty(): boolean {
    return this.#index.records().length === 0;
  }

  /** Whether something stays of it when it is closed. */
  get keeps(): boolean {
    return !this.#isTemporary && !this.isEmpty;
  }

  /** Steps that have ended, in their order: of one that was repeated, each time. */
  records(): readonly StepRecord[] {
    return this.#index.records();
  }

  /** What a step has made, with those of its outputs that are there. */
  find(key: string): StepRecord | undefined {
    return this.#index.find(key);
  }

  /** A sentence about what was found damaged; null if nothing was. */
  get damage(): string | null {
    const [first, ...others] = this.#damaged;
    if (first === undefined) return null;
    const more = others.length === 0 ? "" : ` and in ${others.length} more`;
    return `the store ${this.path} is damaged in ${first}${more}: that is made again when it is needed`;
  }

  /** A step's output, compared with its hash, to be released; undefined where it is damaged: then it is there no more. */
  async open(key: string, output: OutputRecord): Promise<OutputSource | undefined> {
    const found = await openContent(output, this.#placeOf(output.sha256));
    if (found !== undefined) return this.#hold(found);
    const { of = "", layer = null, what = "" } = this.find(key)?.part ?? {};
    this.#damaged.push([...(of === "" ? [] : [of]), ...(layer === null ? [] : [`layer ${layer}`]), what].join(", "));
    this.drop(key, output);
    return undefined;
  }

  /** A file for an output, to be released once it is finished, which counts once a step is recorded with it. */
  async create(declaration: TensorDeclaration): Promise<ContentWriter> {
    const path = join(this.#claimed, String(this.#count++));
    const places = { path, shownAs: this.path, placeOf: (sha256: string) => this.#placeOf(sha256) };
    const writer = await writeContent(declaration, places);
    const finish = async (): Promise<Content> => {
      const content = await writer.finish();
      this.#hold(content.tensor);
      return content;
    };
    return { ...writer, finish };
  }

  /** A step has ended, and the outputs are finished. */
  record(record: StepRecord): void {
    this.#add({ done: record });
  }

  /** A step's output is of no more use to later runs; whoever holds its content reads on. */
  drop(key: string, { name, sha256 }: OutputRecord): void {
    this.#add({ gone: { key, output: name } });
    this.#removeUnused(sha256);
  }

  /** One of those who made or opened a content reads it no more. */
  release({ sha256 }: OutputSource): void {
    this.#held.set(sha256, (this.#held.get(sha256) ?? 0) - 1);
    this.#removeUnused(sha256);
  }

  #hold(source: OutputSource): OutputSource {
    this.#held.set(source.sha256, (this.#held.get(source.sha256) ?? 0) + 1);
    return source;
  }

  /** Removes a content that no step is recorded with and nobody holds. */
  #removeUnused(sha256: string): void {
    if (this.#index.uses(sha256) === 0 && !this.#held.get(sha256)) removeFolder(this.#placeOf(sha256));
  }

  #openJournal(): number {
    return explainedNow("write", this.path, () => openSync(journalIn(this.path), "a"));
  }

  /** The sha256 of a given tensor where its file is the same as when it was read. */
  hashOf(tensor: StoredTensor): string | undefined {
    return this.#index.hashOf(tensor);
  }

  /** Whether any tensor of its file was read before. */
  knowsFileOf(tensor: StoredTensor): boolean {
    return this.#index.knowsFileOf(tensor);
  }

  rememberHash({ stamp, offset }: StoredTensor, sha256: string): void {
    this.#add({ given: { file: stamp, offset, sha256 } });
  }

  /** Refuses what the disk cannot hold. */
  async requireSpace(bytes: number): Promise<void> {
    await requireSpace(this.path, this.path, bytes);
  }

  /** Lets go of it; of a temporary one, and of one in which no step has ended, nothing stays. Harmless when called twice. */
  close(): void {
    if (this.#ended) return;
    this.#end();
    if (this.keeps) return;
    removeContents(this.path);
    removeEmpty(this.#isTemporary ? [this.path] : this.#made);
  }

  /** Removes all of it, and lets go of it. Harmless after `close`. */
  remove(): void {
    if (this.#ended) return;
    this.#end();
    removeContents(this.path);
    removeEmpty([this.path]);
  }

  #end(): void {
    this.#ended = true;
    process.off("exit", this.#onExit);
    closeSync(this.#journal);
    removeFolder(this.#claimed);
  }

  #placeOf(sha256: string): string {
    return join(contentsIn(this.path), sha256);
  }

  #add(entry: Entry): void {
    this.#append(showEntry(entry));
    this.#index.add(entry);
  }

  #append(line: string): void {
    const bytes = new TextEncoder().encode(line);
    explainedNow("write", this.path, () => {
      for (let done = 0; done < bytes.byteLength; ) done += writeSync(this.#journal, bytes, done);
    });
  }

  /** Removes contents that no step has, such as those of one that was killed before it could say so. */
  #sweep(): void {
    for (const name of readdirSync(contentsIn(this.path)))
      if (this.#index.uses(name) === 0) removeFolder(this.#placeOf(name));
  }
}

/** One of which nothing stays. */
export const temporaryFolder = (): StoreFolder =>
  new StoreFolder(makeBeside(join(tmpdir(), "lcomp-store")), { isTemporary: true });

/** The marker goes last: what a process leaves that is killed meanwhile is a store. */
function removeContents(folder: string): void {
  for (const place of [contentsIn(folder), journalIn(folder), join(folder, markerName)]) removeFolder(place);
}
