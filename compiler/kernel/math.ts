/** The elementary functions of bodies/math.ts and the codes of bodies/packed.ts, as far as a kernel uses them. */
import { math } from "./bodies/math.ts";
import { packed } from "./bodies/small-floats.ts";

/** Declarations by name, in the order of the files, each with the comment above it. */
const declarations: ReadonlyMap<string, string> = new Map(
  `${math}\n${packed}`.split("\n\n").flatMap((text) => {
    const name = /^(?:fn|const|struct) (\w+)/m.exec(text)?.[1];
    return name === undefined ? [] : [[name, text.trimEnd()] as const];
  }),
);

/** The WGSL of the functions of the given names, and of those that they use. */
export function mathFunctions(used: ReadonlySet<string>): string {
  const needed = new Set<string>();
  const visit = (name: string): void => {
    const text = declarations.get(name);
    if (text === undefined || needed.has(name)) return;
    needed.add(name);
    for (const [word] of text.matchAll(/\b(?:[Mm]ath_?|(?:en|de)code_)\w+/g)) visit(word);
  };
  for (const name of used) visit(name);
  return [...declarations]
    .filter(([name]) => needed.has(name))
    .map(([, text]) => `${text}\n`)
    .join("\n");
}
