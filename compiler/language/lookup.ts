/** What names stand for where they are read, by themselves and in texts. */
import type * as Ast from "../../grammar/ast.ts";
import { type Context, report } from "./context.ts";
import { reportUnknown } from "./names.ts";
import { readsWeights } from "./observe.ts";
import { findDimension, findValue, knownNames, noteUse } from "./scope.ts";
import { showDimension } from "./tensor.ts";
import { dimsOf, type Scope, type Value } from "./value.ts";

/** What a name stands for where an expression reads it. */
export function nameOf(context: Context, scope: Scope, { text, span }: Ast.NameExpression): Value {
  const found = findValue(scope, text);
  if (!found) {
    const dimension = findDimension(scope, text);
    if (dimension)
      return report(context, {
        ...{ kind: "unknown-name", span, name: text, what: "value", known: [] },
        hint: `\`${text}\` is a dimension, ${showDimension(dimension)}: write \`size(${text})\` or \`index(${text})\``,
      });
    return reportUnknown(context, { text, span }, "value", knownNames(scope, "values"));
  }
  noteUse(context, scope, { text, span });
  if (context.observing !== null) return found;
  const isStreaming = dimsOf(found).some(({ streamed }) => streamed?.keeps === "together");
  const isWeight = context.block !== null && found.kind === "tensor" && readsWeights(found.node);
  if (isStreaming || isWeight)
    return report(context, { kind: "activation-outside-observe", span, name: text, isWeight: !isStreaming });
  return found;
}

/** Texts stand for themselves, also in an architecture: only the paths of `at` take a block's number. */
export function textOf(context: Context, scope: Scope, { value, span }: Ast.StringLiteral): Value {
  const isInArch = findValue(scope, "config")?.kind === "config";
  const names = [...value.matchAll(/\{([\w']+)\}/g)].map(([, name = ""]) => name);
  const name = isInArch ? names.find((each) => findValue(scope, each) ?? findDimension(scope, each)) : undefined;
  if (name === undefined) return { kind: "string", value };
  const what = `\`{${name}}\` in a text that is no path after \`at\``;
  const hint = `it would stand there as it is; \`${name}\` by itself is the value`;
  return report(context, { kind: "not-supported", span, what, hint });
}
