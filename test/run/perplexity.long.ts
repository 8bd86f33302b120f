/** The reference figure of the largest model of ../shared/models/README.md, in full. */
import { testFigures } from "./perplexity.ts";

testFigures([["babyllama361", "tinystories/test.txt", 256, 300_002, 1171, 0.699654, 0.004339]]);
