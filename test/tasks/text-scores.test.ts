/** Scores of texts, by hand. */
import * as assert from "uvu/assert";
import { containment, exactMatch, longestOverlap, overlap } from "../../runtime/cli/text-scores.ts";
import { suite } from "../harness/suite.ts";

suite("scores of texts", ({ test }) => {
  test("answers are compared as SQuAD does, and an empty one is wrong", () => {
    assert.is(exactMatch(" The  Horse.", ["cat", "horse"]), 1);
    assert.is(exactMatch("horses", ["horse"]), 0);
    for (const empty of ["", " ", "The.", "!"]) assert.is(exactMatch(empty, ["horse", "the"]), 0);
    assert.is(exactMatch("theatre", ["the atre"]), 0);
  });

  test("LLM-KICK's code finds an answer in what is written, or that in an answer, and nothing in all", () => {
    assert.is(containment("It is the Horse_man’s.", ["horse man"]), 1);
    assert.is(containment("hor", ["cat", "a horse"]), 1);
    assert.is(containment("cats", ["horse"]), 0);
    for (const empty of ["", " ", "The.", "!"]) assert.is(containment(empty, ["horse"]), 1);
  });

  test("F1 counts words as often as both have them, of the answer that is nearest", () => {
    assert.is(overlap("a red red bell", ["red bell"]), 0.8);
    assert.is(overlap("a red bell", ["nothing", "the red bell!"]), 1);
    assert.is(overlap("", ["horse"]), 0);
    assert.is(overlap("", ["the"]), 0);
  });

  test("ROUGE-L counts the longest sequence that both have, gaps allowed", () => {
    // police killed the gunman / police kill the gunman, the gunman kill police: Lin, 2004
    assert.is(longestOverlap("police kill the gunman", ["police killed the gunman"]), 0.75);
    assert.is(longestOverlap("the gunman kill police", ["police killed the gunman"]), 0.5);
    assert.is(longestOverlap("", ["police"]), 0);
  });
});
