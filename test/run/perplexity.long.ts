/** The reference figures of the larger models of ../shared/models/README.md, in full. */
import { testFigures } from "./perplexity.ts";

testFigures([
  ["stories260K", "tinystories/test.txt", 512, 145_038, 283, 1.358657, 0.009512],
  ["babyllama361", "tinystories/test.txt", 256, 300_002, 1171, 0.699654, 0.004339],
]);
