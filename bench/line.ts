/** A line of the benchmark: one computation, written for lcomp and for each peer. */
import type { Graph } from "../compiler/graph/graph.ts";
import type { Blas } from "./blas.ts";
import type { Jax, JaxArray } from "./jax.ts";
import type { Tensor, Tfjs } from "./tfjs.ts";
import type { Named, Values } from "./values.ts";

export interface PeerLine<Package, T> {
  /** Its inputs, in the layout that is fastest for it. */
  readonly given: Named;
  readonly compute: (peer: Package, given: Readonly<Record<string, T>>) => T;
}

/** A program, what it reads, and how often it runs. */
export interface Task {
  /** As the compiler gets it from the checker; the first output is compared where others have it. */
  readonly graph: Graph;
  /** By the names of the graph's inputs. */
  readonly inputs: Named;
  readonly times: number;
}

export interface Line {
  readonly name: string;
  /** One after the other. */
  readonly tasks: readonly Task[];
  readonly tfjs?: PeerLine<Tfjs, Tensor>;
  /** Traced once by `jit`. Each use of an array consumes it; `ref` keeps it. */
  readonly jax?: PeerLine<Jax, JaxArray>;
  /** What lcomp computes in the same rounds, where peers have nothing of the kind: a peer by this name. */
  readonly beside?: Pick<Line, "name" | "tasks" | "blas">;
  /** How far results may be apart, as a share of the largest value. */
  readonly tolerance: number;
  /** The least ratio to the best peer. */
  readonly least: number;
  /** The least that the ratio to BLAS may be of that of what stands beside it. */
  readonly leastOfBeside?: number;
  /** Milliseconds that BLAS or LAPACK takes. */
  readonly blas?: (blas: Blas) => Promise<number>;
  /** What the programs of ../shared/bench compute as well. */
  readonly shared?: { readonly program: "gemm_run"; readonly size: number } | { readonly program: "chain" };
}

/** A line of one program. */
export const once = (graph: Graph, inputs: Named): readonly Task[] => [{ graph, inputs, times: 1 }];

/** What a peer takes, by name, and what it computes of it. */
export function peerLine<Package, T, Name extends string>(
  given: Readonly<Record<Name, Values>>,
  compute: (peer: Package, given: Readonly<Record<Name, T>>) => T,
): PeerLine<Package, T> {
  return { given, compute: compute as PeerLine<Package, T>["compute"] };
}
