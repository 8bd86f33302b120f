/** Groups as text: what each computes, and by which rule its values have memory. */
import { showNode } from "../graph/show.ts";
import { type Group, nameOf, rules, type Target } from "./group.ts";

/**
 * A group a line, `row, main`, and a line for each value: `%3 f32[token: 512] = neg %2: an output shows it`. Below a sweep stand the
 * groups that its bodies are, with the values of their own graphs.
 */
export const showGroups = (graph: string, groups: readonly Group[]): string =>
  [`groups of ${graph}`, ...groups.flatMap(showGroup), ""].join("\n");

function showGroup(group: Group): readonly string[] {
  const bodies = group.shape === "routine" ? group.bodies : [];
  return [
    `${nameOf(group)}, ${group.when}`,
    ...group.targets.flatMap(showTarget),
    ...bodies.flatMap(({ level, groups }) => [
      `  before each run of level ${level}`,
      ...groups.flatMap(showGroup).map((line) => `    ${line}`),
    ]),
  ];
}

function showTarget({ node, rule, output }: Target): readonly string[] {
  const [first = "", ...bodies] = showNode(node).split("\n");
  const why = `${rules[rule]}${output === undefined ? "" : `, output ${output.name}`}`;
  return [`${first}: ${why}`, ...bodies].map((line) => `  ${line}`);
}
