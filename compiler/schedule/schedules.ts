/** The choice of a schedule for each shape of kernel. Tests put their own in its place: no choice changes a result. */

import { rotationTeam } from "./rotations.ts";
import { scheduleBest } from "./schedule-best.ts";
import { scheduleContraction } from "./schedule-contraction.ts";
import { mapSchedule } from "./schedule-map.ts";
import { scheduleOrder } from "./schedule-order.ts";
import { schedulePanels } from "./schedule-panels.ts";
import { rowSchedule } from "./schedule-row.ts";

export interface Schedules {
  readonly best: typeof scheduleBest;
  readonly contraction: typeof scheduleContraction;
  readonly map: typeof mapSchedule;
  readonly order: typeof scheduleOrder;
  readonly panels: typeof schedulePanels;
  readonly rotations: typeof rotationTeam;
  readonly row: typeof rowSchedule;
}

/** What the compiler chooses. */
export const schedules: Schedules = {
  best: scheduleBest,
  contraction: scheduleContraction,
  map: mapSchedule,
  order: scheduleOrder,
  panels: schedulePanels,
  rotations: rotationTeam,
  row: rowSchedule,
};
