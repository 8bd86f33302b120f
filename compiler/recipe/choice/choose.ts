/**
 * The choice under a budget: of every unit one option, so that all together take at most so many bytes and do the least harm. A price
 * for each byte makes the choice of every unit its own (Everett, 1963, doi:10.1287/opre.11.3.399); what the cheapest price that fits
 * leaves of the budget goes to the options that gain most by the byte. One option for all is taken where that is better still.
 */

/** What a unit may become. */
export interface Option {
  readonly bytes: number;
  /** What it costs the model, in any unit that adds up. */
  readonly harm: number;
}

/** The option of each unit, by its place; null if even the smallest take more than the budget. */
export function choose(units: readonly (readonly Option[])[], budget: number): readonly number[] | null {
  if (bytesOf(units, units.map(smallest)) > budget) return null;
  let [low, high] = [0, 1];
  const fits = (price: number): boolean => bytesOf(units, atPrice(units, price)) <= budget;
  while (!fits(high) && high < 2 ** 200) high *= 4;
  for (let i = 0; i < 200; i++) {
    const middle = low === 0 ? high / 2 ** 20 : Math.sqrt(low * high);
    if (fits(middle)) high = middle;
    else low = middle;
  }
  const priced = fits(high) ? atPrice(units, high) : units.map(smallest);
  const alike = (units[0] ?? []).map((_, option) => units.map(() => option));
  const all = [spend(units, priced, budget), ...alike.filter((chosen) => bytesOf(units, chosen) <= budget)];
  return all.reduce((best, chosen) => (harmOf(units, chosen) < harmOf(units, best) ? chosen : best));
}

/** How small and how large a model can become, of which `rest` bytes are not chosen. */
export const reachOf = ({
  units,
  rest,
}: {
  readonly units: readonly { readonly bytes: readonly number[] }[];
  readonly rest: number;
}): { readonly least: number; readonly most: number } => ({
  least: units.reduce((sum, { bytes }) => sum + Math.min(...bytes), rest),
  most: units.reduce((sum, { bytes }) => sum + Math.max(...bytes), rest),
});

/** The option of each unit that costs least if a byte has that price; of equal ones the first. */
const atPrice = (units: readonly (readonly Option[])[], price: number): readonly number[] =>
  units.map((options) => least(options, ({ bytes, harm }) => harm + price * bytes));

const smallest = (options: readonly Option[]): number => least(options, ({ bytes }) => bytes);

const least = (options: readonly Option[], cost: (option: Option) => number): number =>
  options.reduce((best, option, at) => (cost(option) < cost(options[best] as Option) ? at : best), 0);

const bytesOf = (units: readonly (readonly Option[])[], chosen: readonly number[]): number =>
  units.reduce((sum, options, at) => sum + (options[chosen[at] ?? 0]?.bytes ?? 0), 0);

const harmOf = (units: readonly (readonly Option[])[], chosen: readonly number[]): number =>
  units.reduce((sum, options, at) => sum + (options[chosen[at] ?? 0]?.harm ?? 0), 0);

/** Exchanges options for better ones while there is room, those first that gain most by the byte. */
function spend(units: readonly (readonly Option[])[], chosen: readonly number[], budget: number): readonly number[] {
  const now = [...chosen];
  for (;;) {
    const room = budget - bytesOf(units, now);
    const exchanges = units.flatMap((options, unit) => {
      const old = options[now[unit] ?? 0] as Option;
      return options.flatMap((option, at) => {
        const [gain, more] = [old.harm - option.harm, option.bytes - old.bytes];
        return gain > 0 && more <= room ? [{ unit, at, rate: gain / Math.max(more, 1) }] : [];
      });
    });
    if (exchanges.length === 0) return now;
    const best = exchanges.reduce((a, b) => (b.rate > a.rate ? b : a));
    now[best.unit] = best.at;
  }
}
