/** What there is to say of a kind of problem: a paragraph, a program that has it, and the same program without it. */

export interface Explanation {
  readonly text: string;
  /** Left out where no short program has the problem. */
  readonly examples?: Examples;
}

export interface Examples {
  readonly wrong: Example;
  readonly right: Example;
}

export interface Example {
  /** What is shown: a whole program, unless `program` is given. */
  readonly shown: string;
  readonly program?: string;
  /** The headers of the model for which it is compiled. */
  readonly model?: ExampleModel;
}

export interface ExampleModel {
  readonly config: { readonly [key: string]: unknown };
  readonly tensors: { readonly [name: string]: readonly number[] };
}

/** An example of whole programs. */
export const programs = (wrong: string, right: string): Examples => ({
  wrong: { shown: wrong },
  right: { shown: right },
});

/** As text for a terminal. */
export function shown({ text, examples }: Explanation): string {
  const parts = [wrapped(text)];
  if (examples?.wrong.model) parts.push(showModel(examples.wrong.model));
  if (examples) parts.push("Wrong:", indented(examples.wrong), "Right:", indented(examples.right));
  return parts.join("\n\n");
}

const width = 80;

/** The words of a paragraph in lines that fit a terminal. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
}

const indented = ({ shown }: Example): string => shown.trimEnd().replace(/^(?=.)/gm, "    ");

function showModel({ config, tensors }: ExampleModel): string {
  const names = Object.entries(tensors).map(([name, shape]) => `    ${name} [${shape.join(", ")}]`);
  return `For a model with this config.json and these tensors:\n\n    ${JSON.stringify(config)}\n${names.join("\n")}`;
}
