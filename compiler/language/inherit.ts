/** Architectures that start from another: whose members they have. */
import type * as Ast from "../../grammar/ast.ts";
import { type Context, report } from "./context.ts";
import { findValue, knownNames, noteUse } from "./scope.ts";
import { type Architecture, type Scope, showValue } from "./value.ts";

/** An architecture with all its members; null, and a problem, where what it starts from is none. */
export function architecture(context: Context, declaration: Ast.Arch, scope: Scope): Architecture | null {
  const { from } = declaration;
  if (!from) return { kind: "arch", declaration, scope, homes: new Map() };
  const base = findValue(scope, from.text);
  if (base?.kind === "wrong") return null;
  if (base?.kind !== "arch") {
    reportBase(context, scope, from);
    return null;
  }
  noteUse(context, scope, from);
  const homes = new Map(all(base.declaration.members).map((member) => [member, base.homes.get(member) ?? base.scope]));
  const members = merged(base.declaration.members, declaration.members);
  return { kind: "arch", declaration: { ...declaration, members }, scope, homes };
}

function reportBase(context: Context, scope: Scope, { text: name, span }: Ast.Name): void {
  const found = findValue(scope, name);
  const hint = "it must stand above, or be imported by its name";
  const known = knownNames(scope, "values").filter((each) => findValue(scope, each)?.kind === "arch");
  if (found) report(context, { kind: "wrong-type", span, expected: "an architecture", found: showValue(found), hint });
  else report(context, { kind: "unknown-name", span, name, what: "architecture", known, hint });
}

/** Members, and those of blocks. */
const all = (members: readonly Ast.ArchMember[]): readonly Ast.ArchMember[] =>
  members.flatMap((member) => (member.kind === "blocks" ? [member, ...all(member.members)] : [member]));

/**
 * What an architecture says of a member takes its place; of blocks, what they say of theirs does. What is new stands behind what is
 * written before it.
 */
function merged(base: readonly Ast.ArchMember[], own: readonly Ast.ArchMember[]): readonly Ast.ArchMember[] {
  const result = [...base];
  let place = 0;
  for (const member of own) {
    const i = base.findIndex((each) => nameOf(each) !== undefined && nameOf(each) === nameOf(member));
    const old = base[i];
    const at = old ? result.indexOf(old) : -1;
    if (!old || at < 0) result.splice(place++, 0, member);
    else {
      const isKept = old.kind === "blocks" && member.kind === "blocks";
      result[at] = isKept ? { ...member, members: merged(old.members, member.members) } : member;
      place = at + 1;
    }
  }
  return result;
}

const nameOf = (member: Ast.ArchMember): string | undefined => ("name" in member ? member.name.text : undefined);
