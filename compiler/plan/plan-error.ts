/** A text that is no plan of this version: one sentence that says where. */
export class PlanError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PlanError";
  }
}
