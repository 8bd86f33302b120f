/** Pictures as SVG, drawn ahead, so that a page needs no program. */
import { shapely } from "../../run/model-card.ts";
import { figure, Html, html } from "./html.ts";
import type { Picture } from "./pictures.ts";

/** Draws pictures. What draws is large: it is loaded here, when there is something to draw. */
export async function draw(pictures: readonly Picture[]): Promise<Html | null> {
  if (pictures.length === 0) return null;
  const [lite, vega] = [await import("vega-lite"), await import("vega")];
  const logger = vega.logger(vega.None);
  const drawn: Html[] = [];
  for (const { title, says, drawing } of pictures) {
    const { spec } = lite.compile(drawing, { logger });
    const svg = await new vega.View(vega.parse(spec), { renderer: "none", logger }).toSVG();
    const label = html` role="img" aria-label="${says}"`;
    const plain = shapely(svg).replace(/<[^>]*>/g, (tag) => tag.replace(/ (?:role|aria-[a-z]+)="[^"]*"/g, ""));
    drawn.push(figure(title, new Html(`${plain.replace("<svg", () => `<svg${label.text}`)}\n`)));
  }
  return html`<div class="pictures">\n${drawn}</div>\n`;
}
