/**
 * How routines on matrices go: by panels of columns and the same rows, from the first to the last, each with the work that it leaves
 * to those after it. The first is the narrower one, so that what is left is whole panels.
 */
import { dimsOf, type OfTriangle } from "../graph/routine.ts";
import { count, type Dim } from "../graph/type.ts";
import type { DeviceFacts } from "../plan/device-facts.ts";
import { type Family, fixedSubgroup } from "./family.ts";

/** Columns of a panel. They decide in which order products are added, and are the same for every device. */
export const panel = 32;

export interface Panels {
  /** The dimensions that number the matrices, and how many there are. */
  readonly outer: readonly Dim[];
  readonly matrices: number;
  readonly rows: Dim;
  readonly columns: Dim;
  /** Of a matrix. */
  readonly size: number;
  readonly steps: number;
  /** By how many columns the first panel is narrower. */
  readonly lacking: number;
}

export function panelsOf(node: OfTriangle): Panels {
  const { inner, outer } = dimsOf(node);
  const [rows, columns] = inner as [Dim, Dim];
  const steps = Math.ceil(rows.size / panel);
  const lacking = steps * panel - rows.size;
  return { outer, matrices: count({ dims: outer }), rows, columns, size: rows.size, steps, lacking };
}

export interface PanelSchedule {
  /** Invocations that factor a diagonal block together, through the workgroup's memory; one has it in its own. */
  readonly team: number;
  /** Invocations of a workgroup that each solve for one vector. */
  readonly solvers: number;
  /** Invocations of a workgroup that each hold a row of a sweep; one subgroup if each loads a part of what all need, and spreads it. */
  readonly sweepers: number;
  readonly isSpread: boolean;
}

/** Barriers are what software adapters cannot afford, and a chain of dependent operations what GPUs cannot. */
export function schedulePanels(facts: DeviceFacts, family: Family): PanelSchedule {
  if (family === "gpu") return { team: panel, solvers: 64, sweepers: 64, isSpread: false };
  const subgroup = fixedSubgroup(facts);
  return { team: 1, solvers: subgroup ?? 8, sweepers: subgroup ?? 8, isSpread: subgroup !== undefined };
}
