/** A model with a tensor of its own for a layer that shared a table's: its config.json says so. */
import type { Context } from "../language/context.ts";
import type { Linear } from "../language/trace.ts";
import { fieldsRead, typeOf } from "./narrowed-config.ts";
import type { ModelType } from "./value.ts";

/** The model in which the layer is stored by itself, as the table is; null if no config.json can say so. */
export function untied(context: Context, type: ModelType, { name, at }: Linear, table: string): ModelType | null {
  const { facts, arch } = type;
  const { declaration } = arch;
  const shared = facts?.tensors.get(table);
  if (!facts || !shared) return null;
  const tensors = new Map([...facts.tensors, [`${at}.weight`, shared]]);
  const declared = declaration.members.find((member) => member.kind === "linear" && member.name.text === name);
  const condition = declared?.kind === "linear" ? declared.tied?.condition : undefined;
  const fields = condition ? [...fieldsRead(declaration, condition)] : [];
  const configs = [facts.config, ...fields.map((field) => ({ ...facts.config, [field]: false }))];
  for (const config of configs) {
    const made = typeOf(context, type, { ...facts, config, tensors });
    const layer = made.outside.linears.find((each) => each.name === name);
    if (!made.isFaulty && layer?.tied === null) return made;
  }
  return null;
}
