/** The page of a comparison. */
import { type Comparison, comparedTable, offersOf, remarks } from "../compare-table.ts";
import { counted, shortened } from "../terminal.ts";
import { draw } from "./draw.ts";
import { html, list, page, section, table } from "./html.ts";
import { blockCurves } from "./layers.ts";
import { pareto } from "./pictures.ts";

const explained = html`<p class="quiet">So many of the first blocks are those of the result, and all that is behind them is the given model's, in nats per token; on the right stands the result as a whole.</p>\n`;

/** The text of the page: the same for the same reports. */
export async function comparePage(found: Comparison): Promise<string> {
  const { results, loss } = found;
  const { head, rows } = comparedTable(found);
  const names = results.map(({ recipe, parameters, result }) => [
    result,
    recipe,
    Object.entries(parameters)
      .map(([name, value]) => `${name} ${value}`)
      .join(", "),
  ]);
  const offers = loss === null ? [] : offersOf(results, loss);
  const drawn = offers.map((each) => ({ ...each, name: shortened(each.name, 24) }));
  const title = loss === "kl" ? "KL from the given model, by size" : `${loss}, by size`;
  return page({
    title: counted(results.length, "result"),
    lead: html`<p class="lead">Side by side: what each takes, and what that costs.</p>\n`,
    body: [
      section(
        "Size and loss",
        await draw(
          drawn.length > 1 ? [pareto(title, loss === "kl" ? "KL in nats per token" : (loss ?? ""), drawn)] : [],
        ),
        table("The given model, and the results", head, rows, { words: 2 }),
        list(remarks(found)),
      ),
      section(
        "Block by block",
        await draw(
          blockCurves((each) =>
            results.map(({ result, by_block }) => ({ name: shortened(result, 24), points: by_block[each] })),
          ),
        ),
        results.some(({ by_block }) => by_block.kl.length > 0) ? explained : null,
      ),
      section("What was asked", table("Recipes", ["result", "recipe", "parameters"], names, { words: 3 })),
    ],
    record: found,
  });
}
