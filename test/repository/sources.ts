/** The repository as the tests about its own shape see it: files, their lines without comments, their imports and exports. */
import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export const root = join(import.meta.dirname, "../..");

export interface Import {
  /** Relative to the root for a file of ours, otherwise as written. */
  readonly from: string;
  /** What it takes; "*" is everything. */
  readonly names: readonly string[];
  readonly isType: boolean;
  readonly line: number;
}

interface Export {
  readonly name: string;
  /** An interface or a type. */
  readonly isType: boolean;
  readonly line: number;
}

export interface Source {
  readonly path: string;
  readonly text: string;
  /** The text with its comments blanked, line for line. */
  readonly code: string;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
}

/** The TypeScript and JavaScript files of some folders. */
export function sourcesIn(...folders: readonly string[]): readonly Source[] {
  const paths = globSync(`{${folders.join(",")}}/**/*.{ts,mjs}`, { cwd: root }).sort();
  return paths.map((path) => read(path.replaceAll("\\", "/")));
}

/** The line of an offset, counted from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), "utf8");
  const code = withoutComments(text);
  return { path, text, code, imports: [...importsOf(path, code)], exports: [...exportsOf(code)] };
}

const strings = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/;
const comments = /\/\/.*|\/\*[\s\S]*?\*\//;

function withoutComments(text: string): string {
  const either = new RegExp(`(?<string>${strings.source})|${comments.source}`, "g");
  return text.replace(either, (match, string: string | undefined) => string ?? match.replace(/[^\n]/g, " "));
}

function* importsOf(path: string, code: string): Generator<Import> {
  const statements =
    /^(?:import|export)\s+(?<what>[^"';]*?)\s*from\s+"(?<from>[^"]+)"|\bimport\(\s*"(?<late>[^"]+)"\s*\)/gm;
  for (const { groups = {}, index } of code.matchAll(statements)) {
    const { what = "*", from = groups["late"] ?? "" } = groups;
    const target = from.startsWith(".") ? posix.join(posix.dirname(path), from) : from;
    const names = namesIn(what, from, code);
    yield { from: target, names, isType: what.startsWith("type "), line: lineAt(code, index) };
  }
}

/** "type A, b as c" gives A and b; a namespace gives the members that the file uses. */
function namesIn(what: string, from: string, code: string): readonly string[] {
  const namespace = /\* as (\w+)/.exec(what)?.[1];
  if (namespace !== undefined)
    return Array.from(code.matchAll(new RegExp(`\\b${namespace}\\.(\\w+)`, "g")), ([, name]) => name ?? from);
  const inBraces = /\{([^}]*)\}/.exec(what)?.[1];
  if (inBraces === undefined) return ["*"];
  return inBraces.split(",").map((part) =>
    part
      .trim()
      .replace(/^type /, "")
      .replace(/ as .*/, ""),
  );
}

function* exportsOf(code: string): Generator<Export> {
  const declarations =
    /^export (?:declare |abstract |async )*(?<kind>const|let|function\*?|class|interface|type) (?<name>\w+|\{[^}]*\})/gm;
  for (const { groups = {}, index } of code.matchAll(declarations)) {
    const { kind = "", name = "" } = groups;
    const isType = kind === "interface" || kind === "type";
    const names = name.startsWith("{") ? name.slice(1, -1).split(",") : [name];
    for (const each of names) yield { name: each.replace(/.*:/, "").trim(), isType, line: lineAt(code, index) };
  }
}
