// What a figure means: its formula, its events, its source, and against what it is held here.
import { ask, make, shown } from "./dom.js";
import { spoken, targetText, windowName } from "./figure_text.js";

/** Fills the tab. */
export async function definition(tile, into, signal) {
  let told = tile.definition;
  if (!told) { // a server of an older version says it elsewhere
    const answer = await ask(`/v1/kpis/${encodeURIComponent(tile.kpi)}`, { signal });
    if (!answer.told) return into(make("p", "problem", answer.problem));
    told = answer.told;
  }
  const list = make("dl", "definition");
  const line = (name, text) => {
    const said = Array.isArray(text) ? text.map((text) => shown(text)).join(", ") : shown(text ?? "");
    if (said) list.append(make("dt", "", name), make("dd", "", said));
  };
  line("Meaning", told.meaning || tile.about);
  line("Formula", told.formula);
  line("Made of", told.events);
  line("Kept over", (told.windows || []).map(windowName));
  line("Better", { up: "more is better", down: "less is better", target: "near the target is better" }[tile.better]);
  line("Target", targetText(tile).replace(/^target /, ""));
  if (tile.watch !== null && tile.watch !== undefined) line("Amber", `between the target and ${spoken(tile.watch, tile.unit)}`);
  else if (targetText(tile)) line("Amber", "missed by no more than a tenth, or by no more than the interval");
  if (told.n_min) line("Fewest cases", `${told.n_min}; with fewer it is shown as uncertain`);
  line("Source", told.source);
  line("Version", told.version);
  line("Name", tile.kpi);
  into(list);
}
