/** Rotary positions of every kind in every family that has them, as test/peers/rotary.py has recorded of Transformers. */
import { testFamilies } from "./families.ts";

await testFamilies("rotary positions", "rotary.json", { refused: {}, readAs: {}, noted: {}, tolerance: 1e-5 });
