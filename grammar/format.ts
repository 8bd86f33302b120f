/** Module to canonical text (`lcomp fmt`). What it writes parses to the same tree, and formatting it again changes nothing. */
import type * as Ast from "./ast.ts";
import { writeNames, writeType, writeValue } from "./format-expressions.ts";
import { writeBlock, writeFeedback, writeParameter } from "./format-statements.ts";
import { quoted } from "./literals.ts";
import { docLines, hasComment, type Item, type Page, pad, width, writeItems } from "./page.ts";
import { weave } from "./weave.ts";

/** A method's header that is longer goes on two lines. */
const headerWidth = 100;

/** The canonical text of a module, with its comments. */
export function format(module: Ast.Module): string {
  const { comments, file } = module;
  const page: Page = { text: file.text, comments, writeBlock, writeFeedback, end: 0 };
  const imports = module.imports.map((node): Item => ({ span: node.span, write: () => writeImport(node) }));
  const declarations = module.declarations.map(
    (node): Item => ({ span: node.span, doc: node.doc, isApart: true, write: () => writeDeclaration(page, node) }),
  );
  return weave(file, comments, writeItems(page, [...imports, ...declarations], 0));
}

const writeImport = ({ names, from }: Ast.Import): string =>
  `import {${names.length > 0 ? ` ${names.map(({ text }) => text).join(", ")} ` : ""}} from ${quoted(from.value)}`;

function writeDeclaration(page: Page, node: Ast.Declaration): string {
  switch (node.kind) {
    case "fn":
      return writeFn(page, node, 0);
    case "format":
      return writeFormat(page, node);
    case "arch":
      return writeArch(page, node);
    case "method":
      return writeMethod(page, node);
    case "optimizer":
      return writeOptimizer(page, node);
    case "recipe":
    case "study":
      return `${node.kind} ${node.name.text}${writeParameters(page, node, 0)} ${writeBlock(page, node.body, 0)}`;
  }
}

function writeArch(page: Page, node: Ast.Arch): string {
  const from = node.from ? ` from ${node.from.text}` : "";
  const of = node.architectures.map(({ value }) => quoted(value)).join(", ");
  return `arch ${node.name.text}${from} for ${of} ${writeMembers(page, node, 0)}`;
}

function writeFn(page: Page, { name, parameters, result, body }: Ast.Fn, indent: number): string {
  const type = result ? ` -> ${writeType(page, result, indent)}` : "";
  const head = `fn ${name.text}${writeParameters(page, { name, parameters }, indent, type.length)}${type}`;
  if (body.kind === "block") return `${head} ${writeBlock(page, body, indent)}`;
  const column = indent + head.length - (head.lastIndexOf("\n") + 1) + 3;
  const line = writeValue(page, body, indent, 0);
  if (line.includes("\n") || column + line.length <= width) return `${head} = ${line}`;
  return `${head} =\n${pad(indent + 2)}${writeValue(page, body, indent + 2, indent + 2)}`;
}

function writeFormat(page: Page, node: Ast.Format): string {
  const fields = node.fields.map(
    ({ name, type }): Item => ({
      span: { ...name.span, end: type.span.end },
      write: () => `${name.text}: ${writeType(page, type, 2)}`,
    }),
  );
  const decode: Item = { span: node.decode.span, write: () => `decode = ${writeValue(page, node.decode, 2, 11)}` };
  const by = node.by ? ` by ${node.by.text}` : "";
  const head = `format ${node.name.text}${writeParameters(page, node, 0)} of ${writeType(page, node.of, 0)}${by}`;
  return `${head} {\n${writeItems(page, [...fields, decode], 2)}}`;
}

function writeMethod(page: Page, node: Ast.Method): string {
  const head = `method ${node.name.text}${writeParameters(page, node, 0)}`;
  const sees = `on ${node.on.text}${writeParameters(page, { name: node.on, parameters: node.sees }, head.includes("\n") ? 0 : 4)}`;
  const tail = sees + (node.from ? ` from ${node.from.text}` : "");
  const isLong = head.length + tail.length + 3 > headerWidth && !head.includes("\n");
  const block = writeBlock(page, node.body, 0);
  if (!isLong) return `${head} ${tail} ${block}`;
  return `${head}\n    ${tail} ${block.replace("\n", "\n\n")}`;
}

function writeOptimizer(page: Page, node: Ast.Optimizer): string {
  const of = node.of ? ` for ${writeType(page, node.of, 0)}` : "";
  const otherwise = node.otherwise ? `, otherwise ${writeValue(page, node.otherwise, 0, 0)}` : "";
  return `optimizer ${node.name.text}${writeParameters(page, node, 0)}${of}${otherwise} ${writeBlock(page, node.body, 0)}`;
}

interface Parameters {
  readonly name: Ast.Name;
  readonly parameters: readonly Ast.Parameter[];
}

/** In one line if none is documented and they fit, else one a line with its documentation behind it, or above if it is longer. */
function writeParameters(page: Page, { name, parameters }: Parameters, indent: number, rest = 0): string {
  const texts = parameters.map((one) => writeParameter(page, one, indent + 2));
  const line = `(${texts.join(", ")})`;
  const [first, last] = [parameters[0], parameters.at(-1)];
  const isNoted = first && last && hasComment(page, name.span.end, closingAfter(page, last.span.end));
  const isPlain = parameters.every(({ doc }) => doc === "") && !isNoted;
  if (isPlain && indent + name.text.length + line.length + rest + 12 <= width) return line;
  const rows = parameters.map(({ doc }, i) => {
    const text = `${pad(indent + 2)}${texts[i]},`;
    if (doc.includes("\n")) return `${docLines(doc, indent + 2)}${text}\n`;
    return doc === "" ? `${text}\n` : `${text}  /// ${doc}\n`;
  });
  return rows.length === 0 ? "()" : `(\n${rows.join("")}${pad(indent)})`;
}

/** The offset behind the parenthesis that closes a list whose last item ends there. */
const closingAfter = ({ text }: Page, end: number): number =>
  end + (/^(?:\s|,|\/\/[^\n]*)*/.exec(text.slice(end))?.[0].length ?? 0);

function writeMembers(page: Page, { members }: Ast.Arch | Ast.Blocks, indent: number): string {
  const items = members.map(
    (node): Item => ({
      span: node.span,
      ...("doc" in node && { doc: node.doc }),
      write: () => writeMember(page, node, indent + 2),
    }),
  );
  return `{\n${writeItems(page, items, indent + 2)}${pad(indent)}}`;
}

function writeMember(page: Page, node: Ast.ArchMember, indent: number): string {
  switch (node.kind) {
    case "dim":
      return `dim ${node.name.text} = ${writeValue(page, node.value, indent, indent + node.name.text.length + 7)}`;
    case "weight":
    case "table":
      return `${node.kind} ${node.name.text}: ${writeType(page, node.type, indent)} at ${quoted(node.at.value)}`;
    case "linear":
      return writeLinear(page, node, indent);
    case "blocks": {
      const from = node.from ? `${writeValue(page, node.from, indent, 0)} .. ` : "";
      const numbers = from + writeValue(page, node.to, indent, 0);
      return `blocks ${node.name.text}: ${numbers} at ${quoted(node.at.value)} ${writeMembers(page, node, indent)}`;
    }
    case "ignore":
      return `ignore ${quoted(node.at.value)}`;
    case "fn":
      return writeFn(page, node, indent);
  }
}

function writeLinear(page: Page, node: Ast.LinearDeclaration, indent: number): string {
  const where = (condition: Ast.Expression) => ` where ${writeValue(page, condition, indent, 0)}`;
  const { name, from, to, at, isInFirst, within = [], present, bias, tied } = node;
  const outputs = [...within.map(({ text }) => text), "out"];
  const order = isInFirst ? ["in", ...outputs] : [...outputs, "in"];
  const stored = isInFirst || within.length > 0 ? `[${order.join(", ")}]` : "";
  const head = `linear ${name.text}: ${writeNames(from)} -> ${writeNames(to)} at ${quoted(at.value)}${stored}`;
  const has = (present ? where(present) : "") + (bias ? ` bias${where(bias)}` : "");
  const shares = tied ? ` | tied ${tied.name.text}${tied.condition ? where(tied.condition) : ""}` : "";
  return `${head}${has}${shares}`;
}
