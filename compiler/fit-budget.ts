/**
 * Steps with their programs, within a budget: values of windows move to host memory, and from there to disk, the largest first, and
 * then programs take less scratch. What is still too much is nobody's to change.
 */

import type { Name } from "../grammar/ast.ts";
import { CompileError } from "../grammar/diagnostic.ts";
import { type Assembled, assemble } from "./assemble.ts";
import type { CompiledGraph } from "./compile-graph.ts";
import type { Graph } from "./graph/graph.ts";
import { type Demand, demands, type Memory, type Planned } from "./memory/peak-memory.ts";
import { storeNeeds, withDurable } from "./plan/durable.ts";
import type { Step } from "./plan/step.ts";
import { worded } from "./problems/problem.ts";

/** Of the disk, `budget` says what may be taken for more than results. `compile` may be told how much scratch a graph's program should take at most. */
export function fit<Rest extends Omit<Planned, "steps" | "programs">>(
  steps: readonly Step<Graph>[],
  rest: Rest,
  budget: Memory & { readonly store: number },
  compile: (graph: Graph, scratch?: number) => CompiledGraph,
): Rest & Assembled {
  const whole = withDurable({ ...rest, ...assemble(steps, compile) }, budget.store);
  const placed = moved(moved(whole, "gpu", budget.gpu), "host", budget.host);
  const scratch = scratchWithin(placed, budget);
  if (scratch.size === 0) return placed;
  const wanted = new Map(steps.map(({ program }, at) => [program, scratch.get(placed.steps[at]?.program ?? "")]));
  const again = steps.map((step, at) => {
    const { places = {}, durable = [] } = placed.steps[at] ?? {};
    return { ...step, places, durable };
  });
  return { ...placed, ...assemble(again, (graph) => compile(graph, wanted.get(graph))) };
}

/** Where values of windows move to from a memory. */
const nextPlace = { gpu: "host", host: "disk" } as const;

/** The plan with as much moved out of a memory as it takes for each step to keep to so many bytes, or as there is to be moved. */
function moved<Plan extends Planned>(plan: Plan, from: keyof Memory, allowed: number): Plan {
  for (let now = plan; ; ) {
    const over = demands(now).filter((demand) => demand[from] > allowed);
    const moving = over.flatMap(({ movable }) =>
      movable
        .filter((each) => each[from] > 0)
        .sort((a, b) => b[from] - a[from])
        .slice(0, 1),
    );
    if (moving.length === 0) return now;
    const steps = now.steps.map((step, at) => {
      const outputs = moving.filter((each) => each.step === at).map(({ output }) => [output, nextPlace[from]]);
      return { ...step, places: { ...step.places, ...Object.fromEntries(outputs) } };
    });
    now = { ...now, steps };
  }
}

/** By program, what it may take for scratch, if one of its steps does not keep to the budget. */
function scratchWithin(plan: Planned, budget: Memory): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  for (const [at, { gpu, scratch }] of demands(plan).entries()) {
    const program = plan.steps[at]?.program ?? "";
    const room = Math.max(0, budget.gpu - (gpu - scratch));
    if (gpu > budget.gpu) wanted.set(program, Math.min(room, wanted.get(program) ?? Infinity));
  }
  return wanted;
}

/** Refuses steps that take more than the budget. */
export function refuseExcess(recipe: Name, steps: readonly Step[], taken: readonly Demand[], budget: Memory): void {
  for (const memory of ["gpu", "host"] as const) {
    const needed = Math.max(0, ...taken.map((demand) => demand[memory]));
    const allowed = budget[memory];
    if (needed <= allowed) continue;
    const part = steps[taken.findIndex((demand) => demand[memory] === needed)]?.part;
    const where = [part?.of, ...(part?.layer == null ? [] : [`layer ${part.layer}`]), part?.what].join(", ");
    throw new CompileError([
      worded({ kind: "over-budget", span: recipe.span, recipe: recipe.text, memory, needed, allowed, where }),
    ]);
  }
}

/** Refuses a store that is too small for what steps have changed, decided and measured. */
export function refuseLargeStore(recipe: Name, plan: Planned, allowed = Infinity): void {
  const needed = storeNeeds(plan).bytes;
  if (needed <= allowed) return;
  const [memory, where] = ["store", "what its steps change, decide and measure"] as const;
  throw new CompileError([
    worded({ kind: "over-budget", span: recipe.span, recipe: recipe.text, memory, needed, allowed, where }),
  ]);
}
