/** Contraction bodies: one file per kind of schedule. */
import type { Contraction, ContractionSchedule } from "../schedule/contraction.ts";
import type { Body } from "./body.ts";
import { broadcastBody } from "./contraction-broadcast.ts";
import { plainBody } from "./contraction-plain.ts";
import { matrixBody } from "./contraction-subgroup-matrix.ts";
import { tiledBody } from "./contraction-tiled.ts";

/** The kernel text below the header, for any legal schedule. */
export function contractionBody(c: Contraction, schedule: ContractionSchedule): Body {
  switch (schedule.kind) {
    case "plain":
      return plainBody(c, schedule);
    case "broadcast":
      return broadcastBody(c, schedule);
    case "tiled":
      return tiledBody(c, schedule);
    case "matrix":
      return matrixBody(c, schedule);
  }
}
