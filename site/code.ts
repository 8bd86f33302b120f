/** Programs and commands, coloured by what stands out when one reads them. */
import { memberWords, moduleWords, reserved, statementWords } from "../grammar/tokens.ts";
import { type Html, html, type Part } from "../runtime/cli/page/html.ts";

/** A block of code, which scrolls where it is wide. */
export const code = (text: string, language: string): Html =>
  html`<div class="wide" tabindex="0" role="group" aria-label="${language || "text"}"><pre><code>${language === "lcomp" ? coloured(text) : text}</code></pre></div>\n`;

/** Words that begin a line, and words that are keywords anywhere. */
const first = new Set<string>([...moduleWords, ...statementWords, ...memberWords, ...reserved]);
const anywhere = new Set<string>(reserved);

const pieces = /(\/\/[^\n]*)|("(?:[^"\\\n]|\\.)*")|(\b\d[\w.]*(?::\d+|%)?)|([A-Za-z_]\w*)|(\n)|([^"\w\n/]+|[\s\S])/g;

/** A program of the language. */
export function coloured(text: string): readonly Part[] {
  let isStart = true;
  return [...text.matchAll(pieces)].map(([piece, comment, string, number, name]): Part => {
    const wasStart = isStart;
    isStart = piece === "\n" || (isStart && /^\s+$/.test(piece));
    if (comment !== undefined) return html`<i>${comment}</i>`;
    if (string !== undefined) return html`<span class="string">${string}</span>`;
    if (number !== undefined) return html`<span class="number-literal">${number}</span>`;
    const isWord = name !== undefined && (wasStart ? first : anywhere).has(name);
    return isWord ? html`<b>${piece}</b>` : piece;
  });
}
