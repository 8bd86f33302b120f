/** Groups as text: what each computes, and by which rule its values have memory. */
import { showNode } from "../graph/show.ts";
import { type Group, nameOf, rules, type Target } from "./group.ts";

/** A group a line, `row, main`, and a line for each value: `%3 f32[token: 512] = neg %2: an output shows it`. */
export const showGroups = (graph: string, groups: readonly Group[]): string =>
  [
    `groups of ${graph}`,
    ...groups.flatMap((group) => [`${nameOf(group)}, ${group.when}`, ...group.targets.map(showTarget)]),
    "",
  ].join("\n");

const showTarget = ({ node, rule, output }: Target): string =>
  `  ${showNode(node)}: ${rules[rule]}${output === undefined ? "" : `, output ${output.name}`}`;
