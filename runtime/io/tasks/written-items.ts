/** Items of which a model writes the rest: questions with answers, texts with a summary, or beginnings alone. */
import { UserError } from "../../user-error.ts";
import { isJsonObject, type JsonObject } from "../file.ts";
import { jsonIn, lines } from "../lines.ts";

/** By what a text is judged. */
export type Form = "answers" | "reference" | "none";

export interface WrittenItem {
  /** What messages call it. */
  readonly name: string;
  readonly text: string;
  /** The answers of which one is wanted, or the summary that another has written. */
  readonly wanted: readonly string[];
}

export interface WrittenItems {
  readonly form: Form;
  readonly items: readonly WrittenItem[];
}

/** Reads a file of `{ query, answers }`, `{ query, choices, answer }`, `{ query, reference }` or `{ prompt }` a line, at most so many. */
export async function readWritten(path: string, most = Number.POSITIVE_INFINITY): Promise<WrittenItems> {
  const items: WrittenItem[] = [];
  const forms = new Set<Form>();
  for await (const { bytes, number } of lines(path)) {
    if (items.length >= most) break;
    const name = `${path}, line ${number},`;
    const item = jsonIn(bytes, name);
    if (item === undefined) continue;
    const refuse = (why: string): never => {
      throw new UserError(`${name} ${why}; mend or remove it`);
    };
    const { form, ...read } = itemOf(isJsonObject(item) ? item : refuse("must be a JSON object"), refuse);
    if (forms.size > 0 && !forms.has(form)) refuse("is of another form than those before it");
    forms.add(form);
    items.push({ name, ...read });
  }
  const [form] = forms;
  if (form === undefined) throw new UserError(`${path} is empty; give items, one a line`);
  return { form, items };
}

type Refuse = (why: string) => never;

function itemOf(item: JsonObject, refuse: Refuse): Omit<WrittenItem, "name"> & { readonly form: Form } {
  if ("prompt" in item) return { form: "none", text: textIn(item, "prompt", refuse), wanted: [] };
  const text = textIn(item, "query", refuse);
  if ("reference" in item) return { form: "reference", text, wanted: [textIn(item, "reference", refuse)] };
  if ("answers" in item) return { form: "answers", text, wanted: textsIn(item, "answers", refuse) };
  if (!("choices" in item)) refuse("has neither answers nor choices nor a reference");
  const { answer } = item;
  const right = textsIn(item, "choices", refuse)[Number(answer)];
  if (typeof answer !== "number" || right === undefined) return refuse("has no place of a choice in `answer`");
  return { form: "answers", text, wanted: [right] };
}

function textIn(item: JsonObject, field: string, refuse: Refuse): string {
  const text = item[field];
  return typeof text === "string" && text.isWellFormed() ? text : refuse(`has no text in \`${field}\``);
}

function textsIn(item: JsonObject, field: string, refuse: Refuse): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(item[field]) ? item[field] : [];
  if (texts.length === 0) refuse(`has no texts in \`${field}\``);
  return texts.map((text) =>
    typeof text === "string" ? text : refuse(`has something else than texts in \`${field}\``),
  );
}
