/** Reference figures of ../shared/models/README.md, in full; the largest model's is in perplexity.long.ts. */
import { testFigures } from "./perplexity.ts";

testFigures([
  ["stories260K", "tinystories/test.txt", 512, 145_038, 283, 1.358657, 0.009512],
  ["tiny", "world/test.jsonl", 512, 71_728, 140, 0.500458, 0.003349],
]);
