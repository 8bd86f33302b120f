/** What a tokenizer puts before and behind a text. */
import { below, id, list, type Part, partOf, parts, text, unsupported } from "./part.ts";

/** The ids of the special tokens around a text. */
export interface Surroundings {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const nothing: Surroundings = { before: [], after: [] };

/** Those of a definition; null stands for none. */
export function surroundingsOf(value: unknown, file: string): Surroundings {
  if (value === null || value === undefined) return nothing;
  return surroundings(partOf(value, file, "post_processor"));
}

function surroundings(part: Part): Surroundings {
  const type = text(part, "type");
  switch (type) {
    case "Sequence":
      return parts(part, "processors")
        .map(surroundings)
        .reduce(
          (inner, outer) => ({ before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] }),
          nothing,
        );
    case "ByteLevel":
      return nothing;
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: [pairId(part, "cls")], after: [pairId(part, "sep")] };
    case "TemplateProcessing":
      return template(part);
    default:
      throw unsupported(part, `the post-processor ${type}`);
  }
}

/** The id of a pair of a token and its id. */
const pairId = (part: Part, key: string): number =>
  id({ ...part, at: `${part.at}.${key}`, fields: { id: list(part, key)[1] } }, "id");

function template(part: Part): Surroundings {
  const items = parts(part, "single");
  const place = items.findIndex(({ fields }) => "Sequence" in fields);
  if (place < 0 || items.slice(place + 1).some(({ fields }) => "Sequence" in fields))
    throw unsupported(part, "a template without exactly one text");
  const idsOf = (item: Part): readonly number[] => {
    const name = text(below(item, "SpecialToken"), "id");
    const token = below(below(part, "special_tokens"), name);
    return list(token, "ids").map((one) => id({ ...token, fields: { id: one } }, "id"));
  };
  return { before: items.slice(0, place).flatMap(idsOf), after: items.slice(place + 1).flatMap(idsOf) };
}
