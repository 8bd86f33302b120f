/** Text that may stand beside any operator, and text that stands alone. */

/** In parentheses, unless it is one name, literal or call. */
export const tight = (text: string): string => (/^[\w.]+$/.test(text) || isCall(text) ? text : `(${text})`);

/** Without the parentheses that it needs only beside operators. */
export const untight = (text: string): string => (text.startsWith("(") && isCall(text) ? text.slice(1, -1) : text);

/** `name(…)`, `name[…]` or `(…)` as a whole. */
function isCall(text: string): boolean {
  const open = text.search(/[([]/);
  if (open < 0 || !/^[\w.<>]*$/.test(text.slice(0, open))) return false;
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if ("([".includes(text[i] ?? "")) depth++;
    else if (")]".includes(text[i] ?? "") && --depth === 0) return i === text.length - 1;
  }
  return false;
}

/** How deep the parentheses of a text are nested. */
export function nesting(text: string): number {
  let [depth, greatest] = [0, 0];
  for (const character of text) {
    if ("([".includes(character)) greatest = Math.max(greatest, ++depth);
    else if (")]".includes(character)) depth--;
  }
  return greatest;
}
