/** What `--emit kernels` prints: the dispatches of a program, with the source that each computes and what it must move and compute. */
import type { Program } from "../../compiler/plan/program.ts";
import { table } from "./table.ts";
import { counted, lines } from "./terminal.ts";

const head = ["when", "shape", "source", "kernel", "workgroups", "bytes", "operations"];

/** A dispatch a line, setup first; `kernel` begins the hash by which `--emit wgsl` names it. */
export function showKernels({ name, setup, main }: Program, width = Number.POSITIVE_INFINITY): string {
  const rows = [...setup, ...main].map((dispatch, i) => [
    i < setup.length ? "setup" : "main",
    dispatch.shape,
    dispatch.origin.join(" "),
    dispatch.kernel.slice(0, 12),
    dispatch.workgroups.join("×"),
    String(dispatch.bytesMoved),
    String(dispatch.operations),
  ]);
  const count = counted(main.length, "dispatch", "dispatches");
  const before = setup.length === 0 ? "" : `, and ${setup.length} once before them`;
  return lines(`program ${name}: ${count}${before}`, ...table(head, rows, { left: 4, width, least: 8 }));
}
