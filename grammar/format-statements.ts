/** Blocks and statements to canonical text. */
import type * as Ast from "./ast.ts";
import { writeDim, writeHeader, writeType, writeValue } from "./format-expressions.ts";
import { hasComment, type Item, type Page, pad, width, writeItems } from "./page.ts";

/** `{ … }` over several lines; the opening brace belongs on the line of what stands before it. */
export function writeBlock(page: Page, { statements, result }: Ast.Block, indent: number): string {
  const items = statements.map((node) => statementItem(page, node, indent + 2));
  const last = result ? [valueItem(page, "", result, indent + 2)] : [];
  return writeLines(page, [...items, ...last], indent);
}

function writeLines(page: Page, items: readonly Item[], indent: number): string {
  const lines = writeItems(page, items, indent + 2);
  return lines === "" ? "{}" : `{\n${lines}${pad(indent)}}`;
}

const statementItem = (page: Page, node: Ast.Statement, indent: number): Item => ({
  span: node.span,
  write: () => writeStatement(page, node, indent),
});

const valueItem = (page: Page, prefix: string, value: Ast.Expression, indent: number): Item => ({
  span: value.span,
  write: () => prefix + writeValue(page, value, indent, indent + prefix.length),
});

/** `feedback … { each … }`, a level in one line where it holds one thing. */
export function writeFeedback(page: Page, node: Ast.Feedback, indent: number): string {
  const value = writeOperand(page, node.value, indent);
  const through = writeOperand(page, node.through, indent);
  const head = `feedback ${value} through ${through} along ${writeDim(page, node.along, indent, true)}`;
  const items = node.levels.map(
    (level): Item => ({ span: level.span, write: () => writeLevel(page, level, indent + 2) }),
  );
  const text = `${head} ${writeLines(page, items, indent)}`;
  if (!node.then) return text;
  return `${text} then ${writeValue(page, node.then, indent, indent + 7)}`;
}

/** A value between two words: `where` stands in parentheses, so that the reader sees where it ends. */
function writeOperand(page: Page, value: Ast.Expression, indent: number): string {
  const text = writeValue(page, value, indent, 0);
  return value.kind === "where" || value.kind === "repeat" || value.kind === "feedback" ? `(${text})` : text;
}

function writeLevel(page: Page, { dim, as, statements, freeze, span }: Ast.FeedbackLevel, indent: number): string {
  const head = `each ${dim.text} as ${as.text}`;
  const items = [
    ...statements.map((node) => statementItem(page, node, indent + 2)),
    ...(freeze ? [valueItem(page, "freeze ", freeze, indent + 2)] : []),
  ];
  const [only, ...more] = items;
  if (only && more.length === 0 && !hasComment(page, span.start, span.end)) {
    const line = `${head} { ${only.write()} }`;
    if (line.includes("\n") || indent + line.length <= width) return line;
  }
  return `${head} ${writeLines(page, items, indent)}`;
}

/** `over d: Dim`, `bits: Int = 4` */
export function writeParameter(page: Page, parameter: Ast.Parameter, indent: number, isHeader = false): string {
  const { label, name, type, value } = parameter;
  const start = `${label ? `${label} ` : ""}${name.text}${type ? `: ${writeType(page, type, indent)}` : ""}`;
  if (!value) return start;
  return `${start} = ${isHeader ? writeHeader(page, value, indent) : writeValue(page, value, indent, 0)}`;
}

function writeStatement(page: Page, node: Ast.Statement, indent: number): string {
  const value = (child: Ast.Expression, column = 0): string => writeValue(page, child, indent, indent + column);
  const operand = (child: Ast.Expression): string => writeOperand(page, child, indent);
  switch (node.kind) {
    case "let":
    case "observe":
    case "probe": {
      const start = `${node.kind} ${node.name.text} = `;
      return start + value(node.value, start.length);
    }
    case "state": {
      const start = `state ${node.name.text}: ${writeType(page, node.type, indent)} = `;
      return start + value(node.value, start.length);
    }
    case "select": {
      const multiple = node.multiple ? `, ${value(node.multiple)}` : "";
      const leaving = node.leaving ? ` leaving ${value(node.leaving)}` : "";
      return `select ${node.dim.text} to ${operand(node.to)} by ${value(node.by)}${multiple}${leaving}`;
    }
    case "rotate": {
      const start = `rotate ${node.name.text} by `;
      return start + value(node.by, start.length);
    }
    case "train":
      return writeTrain(page, node, indent);
    case "stage":
      return writeStage(page, node, indent);
    case "expect":
      return `expect ${value(node.condition, 7)}`;
    case "report":
      return `report ${node.values.map((one) => value(one)).join(", ")}`;
    case "save":
      return `save ${node.model.text} as ${value(node.as)}`;
    case "vary":
      return `vary ${node.axes.map(({ name, values }) => `${name.text} in ${value(values)}`).join(", ")}`;
    case "run":
      return `run ${value(node.recipe, 4)}`;
    case "fit": {
      const start = `fit ${node.constants.map(({ text }) => text).join(", ")} in ${operand(node.target)} = `;
      return start + value(node.law, start.length);
    }
    case "plot":
      return `plot ${operand(node.value)} against ${value(node.against)}`;
    case "choose":
      return `choose least ${operand(node.least)} with ${value(node.condition)}`;
  }
}

function writeTrain(page: Page, node: Ast.Train, indent: number): string {
  const weights = writeOperand(page, node.weights, indent);
  const steps = writeOperand(page, node.steps, indent);
  const on = writeParameter(page, node.on, indent, true);
  const items = [
    ...node.body.statements.map((one) => statementItem(page, one, indent + 2)),
    valueItem(page, "minimise ", node.minimise, indent + 2),
  ];
  const body = writeLines(page, items, indent);
  return `train ${weights} for ${steps} on ${on} ${body} with ${writeValue(page, node.optimizer, indent, 0)}`;
}

/** On one line, or with all that follows the method on a second one. */
function writeStage(page: Page, node: Ast.Stage, indent: number): string {
  const start = `stage ${node.name.text} = ${writeValue(page, node.method, indent, 0)}`;
  const rest = [
    `of ${node.of.text}`,
    ...(node.decode ? ["decode"] : []),
    ...(node.over ? [`over ${writeOperand(page, node.over, indent)}`] : []),
    ...writeSelectors(page, "for", node.selectors, indent),
    ...writeSelectors(page, "except", node.except, indent),
    ...(node.keeping ? [`keeping ${node.keeping.text}`] : []),
    ...(node.among ? ["among {"] : []),
  ].join(" ");
  const fits = indent + start.length + 1 + rest.length <= width;
  const head = fits ? `${start} ${rest}` : `${start}\n${pad(indent + 4)}${rest}`;
  if (!node.among) return head;
  const items = node.among.map((one): Item => ({ span: one.span, write: () => writeCandidate(page, one, indent + 2) }));
  return head.slice(0, -1) + writeLines(page, items, indent);
}

function writeCandidate(page: Page, { methods, keeping }: Ast.Candidate, indent: number): string {
  const calls = methods.map((method) => writeValue(page, method, indent, 0)).join(" then ");
  return keeping ? `${calls} keeping ${keeping.text}` : calls;
}

const writeSelectors = (page: Page, word: string, all: readonly Ast.Selector[], indent: number): string[] =>
  all.length === 0 ? [] : [`${word} ${all.map((one) => writeSelector(page, one, indent)).join(", ")}`];

const writeSelector = (page: Page, { path }: Ast.Selector, indent: number): string =>
  path
    .map(
      ({ name, blocks }) =>
        name.text + (blocks ? `[${blocks.map((one) => writeBlocks(page, one, indent)).join(", ")}]` : ""),
    )
    .join(".");

function writeBlocks(page: Page, { from, to, by }: Ast.BlockRange, indent: number): string {
  const value = (expression: Ast.Expression) => writeValue(page, expression, indent, 0);
  return `${value(from)}${to ? ` .. ${value(to)}` : ""}${by ? ` by ${value(by)}` : ""}`;
}
