/** Groups as text, for `--emit kernels`: one kernel a line, with what it must move and compute, and where it was written. */
import type { Node } from "../graph/ops.ts";
import { showType } from "../graph/type.ts";
import type { Dispatch, Program } from "../plan/program.ts";
import type { Group } from "./group.ts";

/** `groups` are those of the program's dispatches, setup before main. */
export function showKernels(program: Program, groups: readonly Group[]): string {
  const section = (stage: "setup" | "main"): readonly string[] => {
    const own = groups.filter((group) => group.stage === stage);
    if (own.length === 0) return [];
    return [`${stage}:`, ...own.flatMap((group, i) => showKernel(group, program[stage][i], i + 1))];
  };
  return `${[`program ${program.name}`, ...section("setup"), ...section("main")].join("\n")}\n`;
}

function showKernel(group: Group, dispatch: Dispatch | undefined, number: number): readonly string[] {
  const { bytesMoved = 0, operations = 0, origin = [] } = dispatch ?? {};
  const head = `${String(number).padStart(3)} ${group.shape.padEnd(11)} ${bytesMoved} bytes, ${operations} operations  ${origin.join(", ")}`;
  return [head, ...group.targets.map(({ node, output }) => `      ${showTarget(node, output?.name)}${what(group)}`)];
}

const showTarget = (node: Node, output: string | undefined): string =>
  `%${node.id} ${showType(node.type)}${output === undefined ? "" : ` → ${output}`}`;

function what(group: Group): string {
  if (group.isCopy) return " copied";
  if (group.shape === "row") return ` by ${group.outer.map(({ name }) => name).join(", ") || "the whole"}`;
  if (group.shape !== "contraction") return "";
  const { batch, m, n, k } = group.roles;
  const names = [batch, m, n, k].map((dims) => dims.map(({ name }) => name).join(" ")).join(" | ");
  return ` = ${group.sums.map(({ node }) => `%${node.id}`).join(", ")} of [${names}]`;
}
