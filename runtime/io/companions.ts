/**
 * What lies beside weights in the folders of models, and what becomes of it in a result. What describes the numbers of the model as
 * it was, and would be untrue of the new ones or keep them from loading, never travels; what is not known here does not, either.
 */
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type CardEntry, frontMatter } from "./card.ts";
import { explained, isInside } from "./file.ts";
import { hubNameOf, isSnapshot } from "./hub.ts";

/** Something in a model's folder that a result lacks; a folder ends in `/`. */
export interface LeftBehind {
  readonly name: string;
  readonly why: string;
}

export interface Companions {
  /** Files to be carried over as they are, by their paths in the folder. */
  readonly companions: readonly string[];
  readonly leftBehind: readonly LeftBehind[];
  /** The entries of the card's front matter: the licence, the languages and the like. */
  readonly card: readonly CardEntry[];
  /** The model's name on the Hub if the folder lies in its cache. */
  readonly hubName: string | null;
}

/** Kept: null; else why it is left behind. The first rule whose pattern matches a name, in lower case, decides. */
const rules: readonly (readonly [pattern: RegExp, why: string | null])[] = [
  [/^readme\.md$/, "the result has a card of its own"],
  [/^\./, "of a repository or a cache"],
  [/^adapter_|^adapters?\//, "an adapter, which is not applied to the weights"],
  [/^(training_args\.bin|trainer_state\.json|.*_results\.json|zero_to_fp32\.py|latest)$/, "of the model's training"],
  [
    /^(optimizer|scheduler|scaler|rng_state|events\.out)|^(runs|wandb|checkpoint-\d+|global_step\d+)\//,
    "of the model's training",
  ],
  [
    /^(quant(ize)?_config|hf_quant_config|quantization_config)\.json$|^recipe\.ya?ml$|imatrix/,
    "about another, quantised form",
  ],
  [
    /\.(safetensors|bin|pt|pth|ckpt|h5|msgpack|gguf|ggml|onnx|onnx_data|npz|pkl|ot|tflite)(\.index\.json)?$/,
    "other weights",
  ],
  [/^(params|consolidated\.config)\.json$|^(original|onnx|openvino|coreml|gguf|mtp|experts?)\//, "other weights"],
  [/^lcomp\.lock\.json$|\.(sha256|sha512|md5)(sums?)?$|^(sha256|md5)sums?|^checksums?/, "about the files as they were"],
  [/\.(png|jpe?g|gif|svg|webp|pdf|mp4)$|^(assets|images?|figures?|media)\//, "for the model's card"],
  [/^(licen[cs]e|notice|copying|copyright|(acceptable[_-])?use[_-]policy|terms|patents|authors|citation)/, null],
  [/^(tokenizer|special_tokens|added_tokens|vocab|merges|normalizer|spiece|sentencepiece|tekken|bpe\.codes)/, null],
  [/\.(tiktoken|spm|model|vocab)$/, null],
  [/^(chat_template\.(jinja|json)|additional_chat_templates\/.*\.jinja|generation_config\.json)$/, null],
  [/^((pre)?processor|image_processor|video_(pre)?processor|feature_extractor|audio_processor)(_config)?\.json$/, null],
  [
    /^(modules|config_sentence_transformers|sentence_[a-z]+_config)\.json$|^\d+_\w+\/(config\.json|model\.safetensors)$/,
    null,
  ],
  [/\.py$/, null],
];

/** Folders of which some files are kept. */
const openFolders = /^(additional_chat_templates|\d+_\w+)$/i;

const largestCompanion = 100_000_000;

/** Sorts out what a folder holds besides what has been read as the model, config.json and files of weights. */
export async function companionsOf(
  folder: string,
  names: readonly string[],
  read: ReadonlySet<string>,
): Promise<Companions> {
  const isOwn = await insideOf(folder);
  const isReadable = async (name: string) => (await obstacleTo(join(folder, name), isOwn)) === undefined;
  const hasCard = names.includes("README.md") && (await isReadable("README.md"));
  const card = hasCard
    ? frontMatter(await explained("read", folder, () => readFile(join(folder, "README.md"), "utf8")))
    : [];
  const beside = (await unfolded(folder, names)).filter((name) => !read.has(name));
  const fates = await Promise.all(
    beside.map(async (name) => {
      const obstacle = name.endsWith("/") ? undefined : await obstacleTo(join(folder, name), isOwn);
      const isLost = name === "README.md" && card === undefined;
      return {
        name,
        why:
          obstacle ??
          (isLost ? "its front matter is not plain YAML: copy the licence and the like by hand" : fateOf(name)),
      };
    }),
  );
  return {
    companions: fates.flatMap(({ name, why }) => (why === null ? [name] : [])),
    leftBehind: fates.flatMap(({ name, why }) => (why === null ? [] : [{ name, why }])),
    card: card ?? [],
    hubName: hubNameOf(await realpath(folder)),
  };
}

function fateOf(name: string): string | null {
  const rule = rules.find(([pattern]) => pattern.test(name.toLowerCase()));
  const why = rule === undefined ? "not known to belong to a result" : rule[1];
  return why === null && name.endsWith("/") ? "a folder" : why;
}

/** The names, with a folder's own names in its place where some of them may be kept. */
async function unfolded(folder: string, names: readonly string[]): Promise<readonly string[]> {
  const all: string[] = [];
  for (const name of names) {
    const status = await stat(join(folder, name)).catch(() => undefined);
    if (status?.isDirectory() !== true) all.push(name);
    else if (!openFolders.test(name)) all.push(`${name}/`);
    else {
      const entries = await readdir(join(folder, name), { withFileTypes: true });
      all.push(...entries.map((entry) => `${name}/${entry.name}${entry.isDirectory() ? "/" : ""}`).sort());
    }
  }
  return all;
}

/** Why a file cannot be carried over, undefined if it can. */
async function obstacleTo(path: string, isOwn: (real: string) => boolean): Promise<string | undefined> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || !isOwn(real)) return "a link that leads out of the folder";
  const status = await stat(real);
  if (!status.isFile()) return "no regular file";
  return status.size > largestCompanion ? "above 100 MB" : undefined;
}

/** Whether a path lies in the folder; in Hugging Face's cache (snapshots/REVISION) also in the blobs, to which all its files are links. */
async function insideOf(folder: string): Promise<(path: string) => boolean> {
  const root = await realpath(folder);
  const roots = isSnapshot(root) ? [root, join(dirname(dirname(root)), "blobs")] : [root];
  return (path) => roots.some((each) => isInside(path, each));
}
