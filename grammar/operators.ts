/** Precedence, in one table for the parser and the formatter, and the folding of a flat row of operators into a tree. */
import type { BinaryOp, Expression, Unary } from "./ast.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { mistake } from "./problem.ts";
import { cover, type Span } from "./source.ts";

/** How tightly an operator binds its operands; `where` binds looser than all of them. */
export const precedence: { readonly [Op in BinaryOp | "not" | "negate"]: number } = {
  or: 1,
  and: 2,
  not: 3,
  "==": 4,
  "!=": 4,
  "<": 4,
  "<=": 4,
  ">": 4,
  ">=": 4,
  "??": 5,
  "+": 6,
  "-": 6,
  "*": 7,
  "/": 7,
  "%": 7,
  negate: 8,
  "^": 9,
};

interface Sign {
  readonly kind: "operator";
  readonly text: BinaryOp | "not";
  readonly span: Span;
}

/** One piece of a row: an operand, or a sign whose place in the row says whether it is a prefix. */
export type Piece = Expression | Sign;

/** A mistake that is found while a tree is built; the parser reports it and goes on with the next statement. */
export class Mistake extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.title);
    this.name = "Mistake";
    this.diagnostic = diagnostic;
  }
}

/** Expressions inside each other deeper than this are refused, so that no pass over the tree runs out of stack. */
export const deepest = 100;

/** Folds `prefix* operand (operator prefix* operand)*`. Comparisons do not chain; `^` associates to the right. */
export function fold(row: readonly Piece[]): Expression {
  let next = 0;
  const take = (): Piece => {
    const piece = row[next++];
    if (!piece) throw new Error("a row of operators ends with an operand");
    return piece;
  };
  const climb = (least: number, depth: number): Expression => {
    let left = operand(least, depth);
    for (let op = row[next]; op?.kind === "operator" && op.text !== "not"; op = row[next]) {
      const binds = precedence[op.text];
      if (binds < least) break;
      next += 1;
      const isRight = op.text === "^";
      const right = climb(isRight ? binds : binds + 1, depth + (isRight ? 1 : 0));
      left = { kind: "binary", op: op.text, left, right, span: cover(left.span, right.span) };
      refuseChain(op, row[next]);
    }
    return left;
  };
  const operand = (least: number, depth: number): Expression => {
    const piece = take();
    if (depth > deepest) throw new Mistake(mistake("too-deep", piece.span, ""));
    if (piece.kind !== "operator") return piece;
    const op: Unary["op"] = piece.text === "not" ? "not" : "-";
    if (op === "not" && least > precedence.not) throw new Mistake(mistake("loose-not", piece.span, "not"));
    const value = climb(op === "not" ? precedence.not : precedence.negate, depth + 1);
    return { kind: "unary", op, value, span: cover(piece.span, value.span) };
  };
  return climb(0, 0);
}

/** Comparisons do not chain. */
function refuseChain(op: Piece, next: Piece | undefined): void {
  const isComparison = (piece: Piece | undefined): piece is Sign & { readonly text: BinaryOp } =>
    piece?.kind === "operator" && piece.text !== "not" && precedence[piece.text] === precedence["=="];
  if (!isComparison(op) || !isComparison(next)) return;
  const first = { span: op.span, text: "the first comparison" };
  throw new Mistake(mistake("chained-comparison", next.span, next.text, first));
}

/** `values[0] where conditions[0] else values[1] where …`: the first value whose condition holds. */
export function chooseFirst(values: readonly Expression[], conditions: readonly Expression[]): Expression {
  let result = values[conditions.length];
  for (let i = conditions.length - 1; i >= 0; i--) {
    const [value, condition] = [values[i], conditions[i]] as [Expression, Expression];
    const span = cover(value.span, (result ?? condition).span);
    result = { kind: "where", value, condition, ...(result && { otherwise: result }), span };
  }
  return result as Expression;
}
