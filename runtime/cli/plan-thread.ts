/** A recipe is compiled in a thread of its own, so that an interrupt is heard meanwhile, however large the program. */
import type { CompileInputs } from "../../compiler/compile.ts";
import type { Continuation, ContinuationSizes } from "../../compiler/plan/continuation.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { LoadedRecipe } from "../../compiler/recipe/load-recipe.ts";
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { inThread } from "../thread.ts";
import { type Entry, placed } from "./host.ts";

/** What the thread is given. */
export interface Order {
  readonly loaded: LoadedRecipe;
  readonly inputs: CompileInputs;
  readonly facts: DeviceFacts;
  /** Set where texts are to be continued. */
  readonly sizes?: ContinuationSizes;
}

/** What the thread tells: that it has reached another graph, what it has made, or what is wrong. */
export type News =
  | { readonly kind: "graph" }
  | { readonly kind: "made"; readonly made: Plan | Continuation }
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] };

export interface ThreadedPlanOptions {
  readonly signal: AbortSignal;
  /** Hears of every graph that the compiler reaches. */
  readonly onGraph: () => void;
  readonly shown: Entry["shown"];
}

/** The plan for one device; the places in messages are paths from the working directory. */
export const planInThread = (order: Omit<Order, "sizes">, options: ThreadedPlanOptions): Promise<Plan> =>
  madeInThread(order, options) as Promise<Plan>;

/** How the model of a recipe continues texts, likewise. */
export const continuationInThread = (
  order: Order & Required<Pick<Order, "sizes">>,
  options: ThreadedPlanOptions,
): Promise<Continuation> => madeInThread(order, options) as Promise<Continuation>;

const madeInThread = (order: Order, { signal, onGraph, shown }: ThreadedPlanOptions): Promise<Plan | Continuation> =>
  inThread<News, Plan | Continuation>(import.meta, "plan-worker", order, {
    signal,
    hear: (news) => {
      switch (news.kind) {
        case "graph":
          onGraph();
          return undefined;
        case "made":
          return Promise.resolve(news.made);
        case "refused":
          return Promise.reject(new CompileError(news.diagnostics.map(placed(shown))));
      }
    },
  });
