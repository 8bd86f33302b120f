/** The reference figure of the example in ../shared/models/README.md, in full; those of the other models are in perplexity.long.ts. */
import { testFigures } from "./perplexity.ts";

testFigures([["tiny", "world/test.jsonl", 512, 71_728, 140, 0.500458, 0.003349]]);
