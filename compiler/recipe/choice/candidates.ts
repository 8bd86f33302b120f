/** What `fit` chooses from: each candidate is a chain of methods, and `one of […]` in an argument makes a candidate of each value. */
import type * as Ast from "../../../grammar/ast.ts";
import { textAt } from "../../../grammar/source.ts";

/** Methods that are put to work one after the other. */
export interface Chain {
  readonly methods: readonly Written[];
  readonly keeping?: Ast.Name;
}

/** All chains that `among { … }` stands for, in the order in which they are written; the last choice varies first. */
export const chainsOf = (among: readonly Ast.Candidate[]): readonly Chain[] =>
  among.flatMap(({ methods, keeping }) =>
    methods
      .reduce<readonly (readonly Written[])[]>(
        (chains, call) => chains.flatMap((chain) => written(call).map((each) => [...chain, each])),
        [[]],
      )
      .map((chain) => ({
        methods: chain,
        ...(keeping && { keeping }),
      })),
  );

/** A method of a candidate. */
interface Written {
  readonly call: Ast.Call;
  /** As the recipe has it, `gptq(bits: 3, every)`. */
  readonly text: string;
}

/** A call for each value of what it chooses. */
function written(call: Ast.Call): readonly Written[] {
  const choices = call.arguments.map((argument): readonly Ast.Argument[] =>
    argument.kind === "value" && argument.value.kind === "one-of"
      ? argument.value.values.items.map((value) => ({ ...argument, value }))
      : [argument],
  );
  const all = choices.reduce<readonly (readonly Ast.Argument[])[]>(
    (lists, some) => lists.flatMap((list) => some.map((each) => [...list, each])),
    [[]],
  );
  return all.map((given) => ({ call: { ...call, arguments: given }, text: showCall(call, given) }));
}

const showCall = ({ callee }: Ast.Call, given: readonly Ast.Argument[]): string =>
  `${textAt(callee.span)}(${given.map(showArgument).join(", ")})`;

const showArgument = (argument: Ast.Argument): string =>
  argument.kind === "value"
    ? `${argument.name ? `${argument.name.text}: ` : ""}${textAt(argument.value.span)}`
    : textAt(argument.span);

/** An argument that has nothing to choose from. */
export const emptyChoice = (among: readonly Ast.Candidate[]): Ast.OneOf | undefined =>
  among
    .flatMap(({ methods }) => methods.flatMap((call) => call.arguments))
    .flatMap((argument) => (argument.kind === "value" && argument.value.kind === "one-of" ? [argument.value] : []))
    .find(({ values }) => values.items.length === 0);
