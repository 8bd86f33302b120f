/** Whoever can compute a line. */
export interface Contestant {
  readonly name: string;
  /** Computes as often as said, with nothing between, and waits for the end. */
  readonly run: (times: number) => Promise<void>;
  readonly result: () => Promise<Float32Array>;
  readonly close: () => void;
}
