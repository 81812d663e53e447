// What a figure is made of: by channel, by team, by every other dimension it is kept by. Never by agent: a wall ranks nobody.
import { ask, bdi, draw, make, table } from "./dom.js";
import { range, spoken, windowName } from "./figure_text.js";

const MOST_LINES = 30;
const WIDE = 100;

/** Fills the tab. */
export async function breakdown(tile, into, signal) {
  const dimensions = (tile.breakdowns || []).filter((name) => !/agent/.test(name) && !(name in (tile.dims || {})));
  if (!dimensions.length) return into(make("p", "quiet", "This figure is not kept by anything that could be shown here."));
  const rooms = dimensions.map((name) => {
    const room = make("section", "by");
    room.append(make("h3", "", `By ${name.replace(/_/g, " ")}`), make("p", "quiet", "asking …"));
    return room;
  });
  const grid = make("div", "by-grid");
  grid.append(...rooms);
  into(grid);
  for (const [i, name] of dimensions.entries()) {
    const asked = new URLSearchParams({ kpi: tile.kpi, window: tile.window, by: name, ...tile.dims });
    const { told, problem } = await ask(`/v1/figures?${asked}`, { signal });
    if (signal.aborted) return;
    rooms[i].lastChild.remove();
    rooms[i].append(...(told ? lines(told.figures, name, tile) : [make("p", "problem", problem)]));
  }
}

/** The worst first where one side is better, else the most first; what has no value comes last. */
export function ordered(figures, better) {
  const rank = (figure) => (better === "up" ? figure.value : -figure.value);
  const known = figures.filter((figure) => figure.value !== null);
  return [...known.sort((a, b) => rank(a) - rank(b) || b.n - a.n), ...figures.filter((figure) => figure.value === null)];
}

function lines(figures, name, tile) {
  const all = ordered(figures.filter((figure) => figure.n || figure.value !== null), tile.better);
  if (!all.length) return [make("p", "quiet", `NO DATA ${windowName(tile.window)}`)];
  const shownLines = all.slice(0, MOST_LINES);
  const ends = shownLines.flatMap((figure) => [figure.value, figure.ci_low, figure.ci_high]).filter((x) => x !== null);
  const low = Math.min(0, ...ends), high = Math.max(...ends, tile.target ?? 0, low + Number.EPSILON);
  const rows = shownLines.map((figure) => {
    const known = figure.value !== null;
    const sure = known && figure.ci_low !== null && figure.ci_high !== null ? range(figure.ci_low, figure.ci_high, figure.unit) : "";
    const value = figure.dims[name];
    return [
      value === "__other__" ? make("i", "", "others") : value === "" || value === undefined ? make("i", "", "not known") : bdi(value, "", 80),
      known ? make("b", "", spoken(figure.value, figure.unit)) : make("span", "quiet", "NO DATA"),
      known ? bar(figure, low, high, tile.target) : "",
      sure, String(figure.n),
    ];
  });
  const out = [table(`By ${name.replace(/_/g, " ")}`, [name.replace(/_/g, " "), "Value", make("span", "unseen", "Bar"), "95 %", "n"], rows)];
  if (all.length > MOST_LINES) out.push(make("p", "quiet", `… ${all.length - MOST_LINES} more`));
  return out;
}

/** The value as a bar, its interval as a whisker, the target as a dashed line. Beside the number, so hidden from screen readers. */
function bar(figure, low, high, target) {
  const x = (value) => ((value - low) / (high - low || 1)) * WIDE;
  const marks = [draw("rect", { class: "bar", x: Math.min(x(0), x(figure.value)), y: 3, height: 10, width: Math.max(0.6, Math.abs(x(figure.value) - x(0))) })];
  if (figure.ci_low !== null && figure.ci_high !== null) marks.push(draw("path", { class: "whisker", d: `M${x(figure.ci_low)} 8H${x(figure.ci_high)}` }));
  if (target !== null && target !== undefined) marks.push(draw("path", { class: "aim", d: `M${x(target)} 0V16` }));
  return draw("svg", { class: "bars-line", viewBox: `0 0 ${WIDE} 16`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...marks);
}
