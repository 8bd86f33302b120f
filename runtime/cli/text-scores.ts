/** How much of what was wanted stands in what a model has written. */

/** As SQuAD compares answers: lower case, without punctuation, articles and more than single spaces. Rajpurkar et al., 2016, arXiv:1606.05250 */
function answerWords(text: string): readonly string[] {
  const plain = text.toLowerCase().replace(/[!-/:-@[-`{-~]/g, "");
  return plain
    .replace(/\b(a|an|the)\b/g, " ")
    .split(/\s+/)
    .filter((word) => word !== "");
}

/** As TriviaQA compares them: what is no letter and no number, typographic quotes too, divides words. Joshi et al., 2017, arXiv:1705.03551 */
const dividedWords = (text: string): string =>
  answerWords(text.toLowerCase().replace(/[!-/:-@[-`{-~‘’´]/g, " ")).join(" ");

/**
 * As LLM-KICK counts: whether an answer stands in what is written, or that in an answer, 1 or 0. What is empty stands in all of them, and
 * `man` in `Germany`. Jaiswal et al., 2023, arXiv:2310.01382
 */
export function containment(written: string, wanted: readonly string[]): number {
  const text = dividedWords(written);
  return Number(wanted.map(dividedWords).some((answer) => text.includes(answer) || answer.includes(text)));
}

/** Whether one of the answers is given, 1 or 0; an empty one never is. */
export function exactMatch(written: string, wanted: readonly string[]): number {
  const words = answerWords(written).join(" ");
  return Number(words !== "" && wanted.some((each) => answerWords(each).join(" ") === words));
}

/** The harmonic mean of precision and recall of words, of the answer that is nearest. */
export const overlap = (written: string, wanted: readonly string[]): number =>
  Math.max(0, ...wanted.map((each) => harmonic(answerWords(written), answerWords(each), common)));

/** ROUGE-L: the same of the longest sequence of words that both have. Lin, 2004 */
export const longestOverlap = (written: string, wanted: readonly string[]): number =>
  Math.max(0, ...wanted.map((each) => harmonic(plainWords(written), plainWords(each), longestCommon)));

const plainWords = (text: string): readonly string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

type Words = readonly string[];

function harmonic(a: Words, b: Words, shared: (a: Words, b: Words) => number): number {
  const same = a.length > 0 && b.length > 0 ? shared(a, b) : 0;
  return same === 0 ? 0 : (2 * same) / (a.length + b.length);
}

/** How many words both have, each as often as the one that has it less often. */
function common(a: Words, b: Words): number {
  const left = new Map<string, number>();
  for (const word of b) left.set(word, (left.get(word) ?? 0) + 1);
  return a.filter((word) => {
    const count = left.get(word) ?? 0;
    left.set(word, count - 1);
    return count > 0;
  }).length;
}

function longestCommon(a: Words, b: Words): number {
  let lengths = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const before = lengths;
    lengths = [0];
    for (const [i, other] of b.entries())
      lengths.push(word === other ? (before[i] ?? 0) + 1 : Math.max(before[i + 1] ?? 0, lengths[i] ?? 0));
  }
  return lengths.at(-1) ?? 0;
}
