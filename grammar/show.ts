/** Module to readable tree text, for `--emit tree` and the golden files: parentheses around a kind and its parts. */
import type { Module } from "./ast.ts";
import { quoted } from "./literals.ts";

type Tree = string | readonly Tree[];
type Fields = Readonly<Record<string, unknown>>;

const width = 100;
/** Fields that their place explains. */
const plain = new Set([
  "name",
  "value",
  "left",
  "right",
  "callee",
  "arguments",
  "statements",
  "text",
  "op",
  "parameters",
  "members",
  "names",
  "element",
]);
/** Kinds that their parts explain. */
const silent = new Set(["value", "dim-name", "plain-type", "binary", "unary", "call", "entry"]);
const hidden = new Set(["kind", "span", "file", "comments"]);

/** The tree of a module without its places and comments. */
export const showModule = ({ imports, declarations }: Module): string =>
  [...imports, ...declarations].map((node) => `${print(tree(node), 0)}\n`).join("\n");

function tree(value: unknown): Tree {
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return value.map(tree);
  const node = value as Fields;
  switch (node["kind"]) {
    case "string":
      return quoted(String(node["value"]));
    case "number":
      return `${node["text"]}${node["unit"] ?? ""}`;
    case "pattern":
      return `${node["keep"]}:${node["of"]}`;
    case "over":
      return [String(node["label"]), ...(node["dims"] as readonly unknown[]).map(tree)];
    case "rest":
      return "...";
    default:
      return parts(node);
  }
}

function parts(node: Fields): Tree {
  if (typeof node["text"] === "string") return node["text"];
  const kind = String(node["kind"]);
  const fields = Object.entries(node).filter(([key, field]) => !hidden.has(key) && field !== "" && !isEmpty(field));
  const children = fields.flatMap(([key, field]) => part(key, field));
  const isSilent = node["kind"] === undefined || silent.has(kind);
  const [only, more] = children;
  if (isSilent && only !== undefined && more === undefined && kind !== "call") return only;
  return isSilent ? children : [kind, ...children];
}

const isEmpty = (field: unknown): boolean => Array.isArray(field) && field.length === 0;

function part(key: string, field: unknown): Tree[] {
  const child = key === "doc" ? quoted(String(field)) : tree(field);
  const children = Array.isArray(field) ? (child as readonly Tree[]) : [child];
  return plain.has(key) ? [...children] : [[`${key}:`, ...children]];
}

const flat = (node: Tree): string => (typeof node === "string" ? node : `(${node.map(flat).join(" ")})`);

/** On one line if it fits, else each part on its own line below the words that it begins with. */
function print(node: Tree, indent: number): string {
  const line = flat(node);
  if (typeof node === "string" || indent + line.length <= width) return line;
  const words = node.findIndex((child) => typeof child !== "string");
  const head = node.slice(0, Math.max(1, words)).map(flat).join(" ");
  const rest = node.slice(Math.max(1, words)).map((child) => `\n${" ".repeat(indent + 2)}${print(child, indent + 2)}`);
  return `(${head}${rest.join("")})`;
}
