// How a figure went: a large chart with axes in the board's time zone, and the same as a table for those who do not see it.
import { ask, button, make, table } from "./dom.js";
import { comparable, spoken } from "./figure_text.js";

const SPANS = [["3 h", "5m", 3 * 3600], ["24 h", "30m", 24 * 3600], ["7 d", "6h", 7 * 86400], ["28 d", "1d", 28 * 86400]];

export class SeriesChart {
  constructor(tile, time, into, signal) {
    Object.assign(this, { tile, time, into, signal });
    this.choices = make("div", "choices", "", { role: "group", ariaLabel: "Span" });
    this.body = make("div", "chart-room");
    this.choices.append(...SPANS.map((span) => button(span[0], () => this.choose(span))));
    into(this.choices, this.body);
    const own = tile.trend?.span_seconds || 86400;
    this.choose(SPANS.find(([, , seconds]) => seconds >= own) || SPANS[1]);
  }

  close() {
    this.sized?.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  async choose(span) {
    const [name, step, seconds] = span;
    for (const one of this.choices.children) one.setAttribute("aria-pressed", String(one.textContent === name));
    const now = this.time.now() ?? 0;
    const asked = new URLSearchParams({ kpi: this.tile.kpi, step, ...this.tile.dims });
    if (now) {
      asked.set("from", new Date(now - seconds * 1000).toISOString());
      asked.set("to", new Date(now).toISOString());
    }
    this.chosen = name;
    const { told, problem } = await ask(`/v1/series?${asked}`, { signal: this.signal });
    if (this.signal.aborted || this.chosen !== name) return;
    this.close();
    if (!told) return this.body.replaceChildren(make("p", "problem", problem));
    const points = told.series[0]?.points || [];
    if (!points.some((point) => point.value !== null)) return this.body.replaceChildren(make("p", "quiet", `NO DATA in the last ${name}`));
    this.draw(points, name);
  }

  draw(points, name) {
    const { tile } = this;
    const figure = make("figure");
    const plot = make("div", "chart");
    plot.setAttribute("aria-hidden", "true");
    const known = points.filter((point) => point.value !== null).map((point) => point.value);
    const summary = `Last ${name}: between ${spoken(Math.min(...known), tile.unit)} and ${spoken(Math.max(...known), tile.unit)}, newest ${spoken(known.at(-1), tile.unit)}.`;
    const details = make("details");
    details.append(make("summary", "", "As a table"), table(`The last ${name}`, ["From", "Value", "n"], [...points].reverse().map((point) => [
      this.time.days.format(Date.parse(point.start)), point.value === null ? "NO DATA" : spoken(point.value, tile.unit), String(point.n),
    ])));
    figure.append(plot, make("figcaption", "quiet", summary));
    this.body.replaceChildren(figure, details);
    const lines = (comparable(tile) ? [["target", tile.target], ["watch", tile.watch]] : []).filter(([, value]) => value !== null && value !== undefined);
    const xs = points.map((point) => Date.parse(point.start) / 1000);
    const data = [xs, points.map((point) => point.value), ...lines.map(([, value]) => xs.map(() => value))];
    this.plot = new uPlot(this.options(plot, lines), data, plot);
    this.sized = new ResizeObserver(() => this.plot?.setSize({ width: plot.clientWidth, height: plot.clientHeight }));
    this.sized.observe(plot);
  }

  options({ clientWidth: width, clientHeight: height }, lines) {
    const style = getComputedStyle(this.body);
    const of = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: of("--ink-2"), grid: { stroke: of("--line"), width: 1 }, ticks: { stroke: of("--line"), width: 1 }, font: `14px ${style.fontFamily}` };
    return {
      width, height, legend: { show: false }, cursor: { y: false, points: { size: 9 } }, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), this.time.name),
      axes: [
        { ...axis, values: [[86400, "{D} {MMM}", null, null, null, null, null, null, 1], [3600, "{HH}:{mm}", "\n{D} {MMM}", null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{D} {MMM}", null, null, null, null, null, 1]] },
        { ...axis, size: 74, values: (u, ticks) => ticks.map((tick) => spoken(tick, this.tile.unit)) },
      ],
      scales: { y: { range: (u, low, high) => { const room = (high - low || Math.abs(high) || 1) * 0.1; return [low >= 0 ? Math.max(0, low - room) : low - room, high + room]; } } },
      series: [
        {},
        { stroke: of("--ok"), width: 2.5, fill: of("--band"), points: { show: false } },
        ...lines.map(([name]) => ({ stroke: of(name === "target" ? "--ink-2" : "--watch"), width: 1.5, dash: name === "target" ? [7, 6] : [2, 5], points: { show: false } })),
      ],
    };
  }
}
