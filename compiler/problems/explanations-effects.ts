/** What `lcomp explain` says of stages that do not go together. */
import { type Explanation, programs } from "./explanation.ts";
import type { EffectProblem } from "./wording-effects.ts";

/** Methods that drop weights, make codes of them, and change them; and stages with them. */
const stages = (...lines: readonly string[]): string => `format Half() of f32[out, in] {
  code: f16[out, in]

  decode = code
}

method dropped() on linear(w: f32[out, in]) {
  w where best(abs(w), floor(size(in) / 2), over in)
}

method coded() on linear(w: f32[out, in]) { Half() { code: w } }

method centred() on linear(w: f32[out, in]) { w - mean(w, over in) }

recipe example(model: Model) {
${lines.map((line) => `  ${line}\n`).join("")}}`;

/** Stages that move scales, and compare weights with those of another model. */
const scaled = (first: string, second: string, last: string): string => `method dropped() on linear(w: f32[out, in]) {
  w where best(abs(w), floor(size(in) / 2), over in)
}

method levelled() on readers(w: f32[out, in]) { { fold: 1 / max(abs(w), over out) } }

method halfway(to: Model) on linear(w: f32[out, in]) { (w + to.w) / 2 where w != 0 }

recipe example(model: Model) {
  stage sparse = dropped() of model
  ${first}
  ${second}
  save ${last} as "huggingface"
}
`;

export const effectExplanations: Readonly<Record<EffectProblem["kind"], Explanation>> = {
  "needs-numbers": {
    text: `The weights of a layer are codes, and a method sees numbers. What its method made of numbers would be no codes any more, or codes of what codes stand for: that costs twice, so that it is said. With \`decode\` behind the name of the model, codes of the layers that the stage works on become the numbers that they stand for, in the type that they had before; all others stay codes.`,
    examples: programs(
      stages("stage small = coded() of model", "stage less = centred() of small", 'save less as "lcomp"'),
      stages("stage small = coded() of model", "stage less = centred() of small decode", 'save less as "lcomp"'),
    ),
  },
  "prunes-codes": {
    text: `A stage drops weights after another one has made codes of them. Which weights matter is seen before rounding, what rounding leaves can be moved to those that stay, and a grid fits better what is not there to be dropped: drop first, then make codes, which keep zeros where the stage says so. It was proved for scales of runs and measured (arXiv:2405.20935). With \`of … decode\` the stage does as it is told, on numbers, and is told so in a note.`,
    examples: programs(
      stages("stage small = coded() of model", "stage sparse = dropped() of small", 'save sparse as "lcomp"'),
      stages(
        "stage sparse = dropped() of model",
        "stage small = coded() of sparse keeping zeros",
        'save small as "lcomp"',
      ),
    ),
  },
  "codes-twice": {
    text: `Two stages make codes of the same weights. The second sees what the first has rounded, and rounds that again: its codes are never nearer to the weights than they would be without the first. Leave one out; a method on readers, which only prepares weights for codes, goes well with one that makes them.`,
    examples: programs(
      stages("stage rough = coded() of model", "stage small = coded() of rough", 'save small as "lcomp"'),
      stages("stage small = coded() of model", 'save small as "lcomp"'),
    ),
  },
  "zeros-lost": {
    text: `A stage makes weights 0, a later one gives them other values, and something counts on them: an \`expect\`, or a stage that is to keep zeros. A sweep does that, since it moves the error of each column into those that follow, and so does a format that has no 0. \`keeping zeros\` holds them at 0, and moves their errors on like all others; the run counts that none is lost.`,
    examples: programs(
      stages(
        ...["stage sparse = dropped() of model", "stage even = centred() of sparse"],
        ...["expect zeros(even) >= 40%", 'save even as "huggingface"'],
      ),
      stages(
        ...["stage even = centred() of model", "stage sparse = dropped() of even"],
        ...["expect zeros(sparse) >= 40%", 'save sparse as "huggingface"'],
      ),
    ),
  },
  "other-basis": {
    text: `A method sees a layer of its own model beside the same layer of another, as restoration does. On the way to one of the two models only, a method on readers has moved scales out of an activation and into the weights that read it, or a rotation has turned both: the layer's inputs are other numbers there, and so are its weights, which are then not to be compared. Let the stage with two models come first, or name a model that has gone the same way.`,
    examples: programs(
      scaled("stage even = levelled() of sparse for gate, up", "stage back = halfway(model) of even", "back"),
      scaled("stage back = halfway(model) of sparse", "stage even = levelled() of back for gate, up", "even"),
    ),
  },
  "unread-stage": {
    text: `A stage costs a pass over the model and a text, and nothing reads its result: it is not saved, not measured, and no other stage is of it. Often the stage after it is still of the model before.`,
    examples: programs(
      stages("stage sparse = dropped() of model", "stage small = coded() of model", 'save small as "lcomp"'),
      stages("stage sparse = dropped() of model", "stage small = coded() of sparse", 'save small as "lcomp"'),
    ),
  },
  "same-model": {
    text: `A method sees each layer of its model beside the same layer of another, and is given the same model for both. Restoration, say, moves weights of a model that has lost some towards those of the model before: where the two are one, nothing is to be moved, and a pass over the text is lost. Let the stage be of another one, or give its method another. This is said, and the work goes on.`,
  },
  "prunes-rotated": {
    text: `A rotation spreads what few inputs and outputs carry over all of them, which is why codes of a few bits then lose less: the weights that stood out are gone. Scores of single weights, such as \`abs(w)\`, tell by just these which weights matter, and drop more of what counts. Drop weights of the model as it is; rotate before codes. This is said, and the work goes on.`,
  },
  "zeros-unseen": {
    text: `A stage ends in \`keeping zeros\`, and its method's body does not show that a weight of 0 stays 0: it makes other numbers of weights than codes whose grid has 0, such as factors, whose products are hardly ever 0, or codes whose zero points are no codes. The run counts the zeros of each layer that are lost, and stops at the first. This is said, and the work goes on.`,
  },
  "pattern-unseen": {
    text: `An \`expect pattern(model, n:m)\` is of weights whose zeros a stage makes otherwise: a share of each row, say, of which nothing shows that it falls evenly into all runs of m neighbours; or of weights of which nothing shows that any are 0, as where thin factors are added to a mask, or a threshold decides. It may hold, and so the run counts; but it hardly ever does, and then nothing is saved. Give the method n:m for its sparsity. This is said, and the work goes on.`,
  },
  "few-rows": {
    text: `A method makes a factor of the second moments of what a layer reads, a matrix of as many columns as the layer has inputs. Of fewer tokens than columns it has no full rank: in the directions that no token shows it is damping alone, and what a sweep moves there is not what the layer will see. The papers take 128 windows of 2048 tokens. More windows, or longer ones, or a damping that is chosen for few. This is said, and the work goes on.`,
  },
  "stronger-first": {
    text: `Two stages take something from the same weights, and the stronger one comes first: what it leaves, the weaker one sees as if it were the model. The weaker first leaves the stronger more to choose from (arXiv:2603.18426), and dropping weights before making codes of them costs less than after (arXiv:2405.20935). This is said, and the work goes on.`,
  },
};
