// One number of a board: value, unit, trend, verdict in word and shape, target, certainty; and whether it is unusual, old or missing.
import { SHORT, bdi, button, make, put, shown } from "./dom.js";
import { keyOf } from "./feed.js";
import { amount, certainty, mostly, verdict, widthOf, windowName } from "./figure_text.js";
import { observed, slice, usual, within } from "./spike_text.js";
import { Trend } from "./trend.js";

export class TileView {
  /** `open(tile)` is called when somebody wants to know more. */
  constructor(tile, heading, time, open) {
    this.tile = tile;
    this.time = time;
    this.key = keyOf(tile.kpi, tile.window, tile.dims);
    this.figure = undefined;
    this.spike = null;
    this.staleSince = undefined; // undefined while the board is current, else the server's time of the last good figures, or null
    this.element = make("article", "tile");
    this.element.dataset.kpi = tile.kpi;
    this.element.dataset.window = tile.window;
    const head = make(heading);
    const more = button("", () => open(this.tile), "open");
    more.append(bdi(tile.title));
    more.setAttribute("aria-haspopup", "dialog");
    this.window = make("span", "window");
    head.append(more, this.window);
    this.value = make("p", "value");
    this.number = document.createTextNode("");
    this.unit = make("small");
    this.value.append(this.number, this.unit);
    this.plot = make("div", "trend");
    this.plot.setAttribute("aria-hidden", "true");
    const foot = make("div", "foot");
    const word = make("span", "word");
    this.verdict = make("span", "verdict");
    this.target = make("span", "aim");
    word.append(this.verdict, this.target);
    this.certainty = make("span", "ci");
    foot.append(word, this.certainty);
    this.element.append(head, this.value, this.plot, foot);
    this.trend = null;
    this.draw(false);
  }

  start() {
    this.trend = new Trend(this.plot, this.tile, () => this.draw(this.figure !== undefined));
  }

  close() {
    this.trend?.close();
  }

  /** The newest figure, undefined when the board's questions have none; `asOf` in seconds. */
  show(figure, asOf) {
    this.figure = figure;
    this.draw(true);
    if (figure) this.trend?.tell(figure, asOf);
  }

  /** The strongest open spike of this figure, or null. */
  unusual(spike) {
    if (spike === this.spike) return;
    this.spike = spike;
    this.draw(this.figure !== undefined);
  }

  stale(since) {
    if (since === this.staleSince) return;
    this.staleSince = since;
    this.draw(this.figure !== undefined);
    this.trend?.later();
  }

  draw(told) {
    const { figure, tile } = this;
    const held = verdict(figure, tile);
    if (told && !figure) held.word = Object.keys(tile.dims || {}).length ? `○ nothing for ${slice(tile.dims).map((value) => shown(value, SHORT)).join(" × ")}` : "○ nothing counted yet";
    if (this.spike) Object.assign(held, { state: "bad", word: "▲ unusually high" });
    if (this.element.dataset.state !== held.state) {
      this.element.dataset.state = held.state;
      this.trend?.later();
    }
    this.element.toggleAttribute("data-spike", Boolean(this.spike));
    const empty = !figure || figure.value === null;
    const [number, unit] = empty ? [told ? "NO DATA" : "…", ""] : amount(figure.value, figure.unit);
    if (this.number.data !== String(number)) this.number.data = String(number);
    const wide = widthOf(number, unit);
    if (wide !== this.wide) this.value.style.setProperty("--wide", (this.wide = wide));
    this.value.classList.toggle("none", empty);
    put(this.unit, unit && ` ${unit}`);
    put(this.window, this.windowText());
    put(this.verdict, held.word);
    this.foot(held);
  }

  windowText() {
    const parts = [...slice(this.tile.dims).map((value) => shown(value, SHORT)), windowName(this.tile.window)];
    if (this.staleSince) parts.push(this.time.minutes.format(this.staleSince));
    else if (this.figure?.behind) parts.push(`as of ${this.time.when(this.figure.as_of)}`);
    return parts.join(" · ");
  }

  foot(held) {
    const sure = certainty(this.figure) || mostly(this.trend?.usual, this.tile);
    let left = held.target, right = sure;
    if (this.spike) {
      left = [[observed(this.spike), within(this.spike)].filter(Boolean).join(" "), usual(this.spike)].filter(Boolean).join(", "); // of its window, not the tile's
      const cause = this.spike.causes?.[0];
      if (cause) right = slice(cause.dims).map((value) => shown(value, SHORT)).join(" × ");
    } else if (!held.word && !held.target) [left, right] = [sure, ""]; // without a target the interval takes the verdict's place
    put(this.target, left ? (held.word ? ` · ${left}` : left) : "");
    put(this.certainty, right);
  }
}
